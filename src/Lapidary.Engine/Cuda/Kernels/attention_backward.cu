// Grid: delta: a warp per row; queries: x: query heads, y: tiles of 64 queries; keys: x: key heads times splits, y: tiles of Keys keys; join: a thread
// per element. bf16 products, fp32 sums.
// Kernels _D take head dimensions to D, tiles padded with zeros; 16-byte accesses where headDim % 8 == 0; shared memory as the Bytes constants say.
#include "attention.cuh"

// P = exp(s·q·kᵀ − lse), D = Σ dO·O, dS = P ∘ (dO·vᵀ − D); dq = s·dS·k, dk = s·dSᵀ·q, dv = Pᵀ·dO. P is formed again from lse in both passes;
// no two blocks write one row, so nothing needs atomics and the sums have one order.
struct AttentionBackwardArgs {
    const bf16* dO;
    const bf16* q;
    const bf16* k;
    const bf16* v;
    const bf16* o;
    const float* lse;
    Visibility visibility;
    bf16* dq;
    bf16* dk;
    bf16* dv;
    float* delta;    // [heads, tokens]: D
    float* partials; // [splits, 2, tokens, kvHeads · headDim]: dk / s and dv of each split of a group of query heads; null for one split
    int heads, kvHeads, headDim, splits;
    float scale;
};

extern "C" __global__ void attention_backward_delta(AttentionBackwardArgs a) {
    int64 row = thread_index() / WARP, token = row / a.heads, head = row % a.heads;
    if (token >= a.visibility.tokens) return;
    float sum = 0;
    for (int i = threadIdx.x % WARP; i < a.headDim; i += WARP) sum += to_float(a.dO[row * a.headDim + i]) * to_float(a.o[row * a.headDim + i]);
    sum = warp_sum(sum);
    if (threadIdx.x % WARP == 0) a.delta[head * a.visibility.tokens + token] = sum;
}

// dq of a tile of queries of one head: 4 warps of 16 queries go over the tiles of Keys keys that they see.
// Shared memory: q, dO [64, HeadDim], k, v [Keys, HeadDim] of bf16.
template <int HeadDim, int Keys>
__device__ __forceinline__ void attention_backward_queries(const AttentionBackwardArgs& a) {
    constexpr int Queries = 64, Threads = 128;
    extern __shared__ uint4 shared[];
    bf16 *q = (bf16*)shared, *dO = q + Queries * HeadDim, *k = dO + Queries * HeadDim, *v = k + Keys * HeadDim;

    int head = blockIdx.x, kvHead = head / (a.heads / a.kvHeads), firstQuery = (gridDim.y - 1 - blockIdx.y) * Queries;
    int tokens = a.visibility.tokens, endQuery = min(tokens, firstQuery + Queries), warpRow = threadIdx.x / WARP * 16;
    int lane = threadIdx.x % WARP, query[2] = {firstQuery + warpRow + lane / 4, firstQuery + warpRow + lane / 4 + 8};
    int lastFirstKey = a.visibility.first_key(endQuery - 1);
    int64 qStride = (int64)a.heads * a.headDim, kvStride = (int64)a.kvHeads * a.headDim, rows = firstQuery * qStride + head * a.headDim;
    const bf16 *keys = a.k + kvHead * a.headDim, *values = a.v + kvHead * a.headDim;

    int key = a.visibility.first_key(firstQuery) / Keys * Keys;
    load_tile<HeadDim, Queries, Threads>(q, a.q + rows, KeyOffsets{qStride}, endQuery - firstQuery, a.headDim);
    load_tile<HeadDim, Queries, Threads>(dO, a.dO + rows, KeyOffsets{qStride}, endQuery - firstQuery, a.headDim);
    load_tile<HeadDim, Keys, Threads>(k, keys + key * kvStride, KeyOffsets{kvStride}, tokens - key, a.headDim);
    load_tile<HeadDim, Keys, Threads>(v, values + key * kvStride, KeyOffsets{kvStride}, tokens - key, a.headDim);

    int firstKey[2];
    float lse[2], delta[2], scale = a.scale * Log2E;
    for (int r = 0; r < 2; r++) {
        int64 row = (int64)head * tokens + min(query[r], tokens - 1);
        firstKey[r] = a.visibility.first_key_or_none(query[r]);
        lse[r] = a.lse[row] * Log2E;
        delta[r] = a.delta[row];
    }

    float sums[HeadDim / 8][4] = {};
    for (; key < endQuery; key += Keys) {
        cp_async_wait();
        __syncthreads(); // K and V are there
        float s[Keys / 8][4], dS[Keys / 8][4];
        product_rows<HeadDim, Keys>((float (&)[1][Keys / 8][4])s, q, warpRow, k, 0);
        product_rows<HeadDim, Keys>((float (&)[1][Keys / 8][4])dS, dO, warpRow, v, 0);
        __syncthreads(); // V is free
        if (key + Keys < endQuery)
            load_tile<HeadDim, Keys, Threads>(v, values + (key + Keys) * kvStride, KeyOffsets{kvStride}, tokens - key - Keys, a.headDim);

        bool masked = key < lastFirstKey || key + Keys > firstQuery + 1 || endQuery < firstQuery + Queries;
#pragma unroll
        for (int n = 0; n < Keys / 8; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int column = key + n * 8 + lane % 4 * 2 + i % 2;
                float p = exp2_approx(s[n][i] * scale - lse[i / 2]);
                if (masked && (column < firstKey[i / 2] || column > query[i / 2])) p = 0;
                dS[n][i] = p * (dS[n][i] - delta[i / 2]);
            }
        }

#pragma unroll
        for (int step = 0; step < Keys / 16; step++) {
            uint32 left[4];
            as_left(left, dS, step);
            product_columns<HeadDim, HeadDim>((float (&)[1][HeadDim / 8][4])sums, (const uint32 (&)[1][4])left, k, 16 * step, 0);
        }

        __syncthreads(); // K is free
        if (key + Keys < endQuery)
            load_tile<HeadDim, Keys, Threads>(k, keys + (key + Keys) * kvStride, KeyOffsets{kvStride}, tokens - key - Keys, a.headDim);
    }

    stage<HeadDim, HeadDim>(q, warpRow, 0, sums, a.scale, a.scale);
    __syncthreads();
    store_tile<HeadDim, Queries, Threads>(q, a.dq + rows, KeyOffsets{qStride}, endQuery - firstQuery, a.headDim);
}

// A warp's 16 rows of fp32 sums, as they are.
template <int N>
__device__ __forceinline__ void store_partial(float* target, int64 stride, int row, int column, int rows, int headDim, const float (&c)[N / 8][4]) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int n = 0; n < N / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int r = row + lane / 4 + i / 2 * 8, d = column + n * 8 + lane % 4 * 2 + i % 2;
            if (r < rows && d < headDim) target[r * stride + d] = c[n][i];
        }
    }
}

// dk and dv of a tile of keys: goes over the query heads of the group, or of its split where there are few tiles, and the tiles of 32 queries that see the tile. A warp forms P and dS of 16 keys
// and 16 queries, then sums 16 keys of one half of HeadDim. With two stages the next tile of queries arrives meanwhile.
// Shared memory: k, v [Keys, HeadDim], Stages times q, dO [32, HeadDim], P and dS [Keys, 40] of bf16, Stages times lse, D, first keys [32].
template <int HeadDim, int Keys, int Stages>
__device__ __forceinline__ void attention_backward_keys(const AttentionBackwardArgs& a) {
    constexpr int Queries = 32, Threads = Keys * 4, Stride = Queries + 8; // 8 more, so that rows start in different banks
    extern __shared__ uint4 shared[];
    bf16 *k = (bf16*)shared, *v = k + Keys * HeadDim, *qs = v + Keys * HeadDim, *dOs = qs + Stages * Queries * HeadDim;
    bf16 *ps = dOs + Stages * Queries * HeadDim, *dSs = ps + Keys * Stride;
    float *lses = (float*)(dSs + Keys * Stride), *deltas = lses + Stages * Queries;
    int* firstKeys = (int*)(deltas + Stages * Queries);

    int kvHead = blockIdx.x / a.splits, split = blockIdx.x % a.splits, tokens = a.visibility.tokens;
    int group = a.heads / a.kvHeads / a.splits, firstHead = (kvHead * a.splits + split) * group; // query heads of this block
    int firstKey = blockIdx.y * Keys, endKey = min(tokens, firstKey + Keys); // the first tiles are seen by the most queries
    int64 qStride = (int64)a.heads * a.headDim, kvStride = (int64)a.kvHeads * a.headDim, rows = firstKey * kvStride + kvHead * a.headDim;
    int tiles = (a.visibility.last_query(firstKey, endKey) - firstKey) / Queries + 1, items = tiles * group;

    auto load_item = [&](int item) {
        int head = firstHead + item / tiles, query = firstKey + item % tiles * Queries, slot = item % Stages;
        int64 offset = query * qStride + head * a.headDim;
        load_tile<HeadDim, Queries, Threads>(qs + slot * Queries * HeadDim, a.q + offset, KeyOffsets{qStride}, tokens - query, a.headDim);
        load_tile<HeadDim, Queries, Threads>(dOs + slot * Queries * HeadDim, a.dO + offset, KeyOffsets{qStride}, tokens - query, a.headDim);
        if (threadIdx.x < Queries) {
            int64 row = (int64)head * tokens + min(query + (int)threadIdx.x, tokens - 1);
            lses[slot * Queries + threadIdx.x] = a.lse[row] * Log2E;
            deltas[slot * Queries + threadIdx.x] = a.delta[row];
            firstKeys[slot * Queries + threadIdx.x] = a.visibility.first_key_or_none(query + threadIdx.x);
        }
    };

    load_tile<HeadDim, Keys, Threads>(k, a.k + rows, KeyOffsets{kvStride}, endKey - firstKey, a.headDim);
    load_tile<HeadDim, Keys, Threads>(v, a.v + rows, KeyOffsets{kvStride}, endKey - firstKey, a.headDim);
    load_item(0);

    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, keyRow = warp / 2 * 16, half = warp % 2;
    float dk[HeadDim / 16][4] = {}, dv[HeadDim / 16][4] = {}, scale = a.scale * Log2E;
    for (int item = 0; item < items; item++) {
        cp_async_wait();
        __syncthreads(); // the item is there; the other stage, P and dS are free
        if (Stages == 2 && item + 1 < items) load_item(item + 1);

        int slot = item % Stages, query = firstKey + item % tiles * Queries;
        const bf16 *q = qs + slot * Queries * HeadDim, *dO = dOs + slot * Queries * HeadDim;
        float s[2][4], dP[2][4];
        product_rows<HeadDim, 16>((float (&)[1][16 / 8][4])s, k, keyRow, q, half * 16);
        product_rows<HeadDim, 16>((float (&)[1][16 / 8][4])dP, v, keyRow, dO, half * 16);
#pragma unroll
        for (int n = 0; n < 2; n++) {
            float dS[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int column = half * 16 + n * 8 + lane % 4 * 2 + i % 2, at = slot * Queries + column;
                int key = firstKey + keyRow + lane / 4 + i / 2 * 8;
                bool visible = key >= firstKeys[at] && key <= query + column;
                s[n][i] = visible ? exp2_approx(s[n][i] * scale - lses[at]) : 0;
                dS[i] = s[n][i] * (dP[n][i] - deltas[at]);
            }

            int at = (keyRow + lane / 4) * Stride + half * 16 + n * 8 + lane % 4 * 2;
            *(uint32*)(ps + at) = pack_bf16(s[n][0], s[n][1]);
            *(uint32*)(ps + at + 8 * Stride) = pack_bf16(s[n][2], s[n][3]);
            *(uint32*)(dSs + at) = pack_bf16(dS[0], dS[1]);
            *(uint32*)(dSs + at + 8 * Stride) = pack_bf16(dS[2], dS[3]);
        }

        __syncthreads(); // P and dS are there
#pragma unroll
        for (int step = 0; step < Queries / 16; step++) {
            int at = (keyRow + lane % 16) * Stride + 16 * step + lane / 16 * 8;
            uint32 left[4];
            ldmatrix_x4(left, ps + at);
            product_columns<HeadDim, HeadDim / 2>((float (&)[1][HeadDim / 2 / 8][4])dv, (const uint32 (&)[1][4])left, dO, 16 * step, half * (HeadDim / 2));
            ldmatrix_x4(left, dSs + at);
            product_columns<HeadDim, HeadDim / 2>((float (&)[1][HeadDim / 2 / 8][4])dk, (const uint32 (&)[1][4])left, q, 16 * step, half * (HeadDim / 2));
        }

        if (Stages == 1 && item + 1 < items) {
            __syncthreads(); // the only stage is free
            load_item(item + 1);
        }
    }

    if (a.splits > 1) {
        float* partial = a.partials + (int64)split * 2 * tokens * kvStride + rows;
        store_partial<HeadDim / 2>(partial, kvStride, keyRow, half * (HeadDim / 2), endKey - firstKey, a.headDim, dk);
        store_partial<HeadDim / 2>(partial + tokens * kvStride, kvStride, keyRow, half * (HeadDim / 2), endKey - firstKey, a.headDim, dv);
        return;
    }

    __syncthreads(); // k and v are free
    stage<HeadDim, HeadDim / 2>(k, keyRow, half * (HeadDim / 2), dk, a.scale, a.scale);
    stage<HeadDim, HeadDim / 2>(v, keyRow, half * (HeadDim / 2), dv, 1, 1);
    __syncthreads();
    store_tile<HeadDim, Keys, Threads>(k, a.dk + rows, KeyOffsets{kvStride}, endKey - firstKey, a.headDim);
    store_tile<HeadDim, Keys, Threads>(v, a.dv + rows, KeyOffsets{kvStride}, endKey - firstKey, a.headDim);
}

// Sums the splits in order.
extern "C" __global__ void attention_backward_join(AttentionBackwardArgs a) {
    int64 count = (int64)a.visibility.tokens * a.kvHeads * a.headDim;
    for (int64 i = thread_index(); i < 2 * count; i += thread_count()) {
        float sum = 0;
        for (int split = 0; split < a.splits; split++) sum += a.partials[split * 2 * count + i];
        if (i < count) a.dk[i] = to_bf16(sum * a.scale);
        else a.dv[i - count] = to_bf16(sum);
    }
}

// Head dimension 256 fills the shared memory: 32 keys at a time for queries, and for keys a smaller tile where a block has less than 160 KiB.
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_32(AttentionBackwardArgs a) { attention_backward_queries<32, 64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_64(AttentionBackwardArgs a) { attention_backward_queries<64, 64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_128(AttentionBackwardArgs a) { attention_backward_queries<128, 64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_256(AttentionBackwardArgs a) { attention_backward_queries<256, 32>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_32(AttentionBackwardArgs a) { attention_backward_keys<32, 64, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_64(AttentionBackwardArgs a) { attention_backward_keys<64, 64, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_128(AttentionBackwardArgs a) { attention_backward_keys<128, 64, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256(AttentionBackwardArgs a) { attention_backward_keys<256, 64, 2>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_keys_256_small(AttentionBackwardArgs a) { attention_backward_keys<256, 32, 1>(a); }
