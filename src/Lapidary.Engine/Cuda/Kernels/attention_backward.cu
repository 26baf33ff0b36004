// Grid: queries: x: key heads, y: tiles of 16 · Warps query rows; keys, which needs what queries wrote: x: key heads times splits, y: tiles of Keys
// keys; both the longest tiles first; join: a thread per element. bf16 products, fp32 sums.
// Kernels _D take head dimensions to D, tiles padded with zeros; 16-byte accesses where headDim % 8 == 0; shared memory as their heads say.
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
    float* delta;     // [heads, tokens]: D, written by queries
    int* lastQueries; // [tiles of keys]: the last token that sees the tile, written by queries
    float* partials;  // [splits, 2, tokens, kvHeads · headDim]: dk / s and dv of each split of a group of query heads; null for one split
    int heads, kvHeads, headDim, splits;
    int keys; // of a tile of keys
    float scale;
};

// Σ x·y over a row, of which the four lanes that call it together take a part each.
__device__ __forceinline__ float dot(const bf16* x, const bf16* y, int headDim) {
    int quarter = threadIdx.x % 4;
    float sum = 0;
    if (headDim % 8 == 0) {
#pragma unroll 4
        for (int i = 0; i < headDim; i += 32) {
            float left[8], right[8];
            int run = min(i + quarter * 8, headDim - 8);
            load<8>(x + run, left);
            load<8>(y + run, right);
#pragma unroll
            for (int j = 0; j < 8; j++) sum += run == i + quarter * 8 ? left[j] * right[j] : 0;
        }
    } else {
        for (int i = quarter; i < headDim; i += 4) sum += to_float(x[i]) * to_float(y[i]);
    }

    return row_sum(sum);
}

// dq of a tile of query rows: Warps warps of 16 rows go over the tiles of Keys keys that they see, of which the next arrives meanwhile.
// Shared memory: q, dO [16 · Warps, HeadDim], two times k and two times v [Keys, HeadDim] of bf16.
template <int HeadDim, int Warps, int Keys>
__device__ __forceinline__ void attention_backward_queries(const AttentionBackwardArgs& a) {
    constexpr int Rows = Warps * 16, Threads = Warps * WARP;
    extern __shared__ uint4 shared[];
    bf16 *q = (bf16*)shared, *dO = q + Rows * HeadDim, *ks = dO + Rows * HeadDim, *vs = ks + 2 * Keys * HeadDim;

    int tokens = a.visibility.tokens, group = a.heads / a.kvHeads, kvHead = blockIdx.x;
    int tile = longest_first<Threads>(blockIdx.y, gridDim.y, [&](int tile) {
        QueryRows rows(tile, Rows, kvHead, group, tokens, a.headDim);
        return (rows.end_token() - a.visibility.first_key(rows.token(0))) / Keys;
    });
    QueryRows rows(tile, Rows, kvHead, group, tokens, a.headDim);
    int firstQuery = rows.token(0), endQuery = rows.end_token(), warpRow = threadIdx.x / WARP * 16, lane = threadIdx.x % WARP;
    int lastFirstKey = a.visibility.first_key(endQuery - 1);
    QueryOffsets queries{rows, (int64)a.heads * a.headDim};
    KeyOffsets keys{(int64)a.kvHeads * a.headDim};

    auto load_keys = [&](int key, int slot) {
        int64 offset = key * keys.stride + kvHead * a.headDim;
        load_tile<HeadDim, Keys, Threads>(ks + slot * Keys * HeadDim, a.k + offset, keys, tokens - key, a.headDim);
        load_tile<HeadDim, Keys, Threads>(vs + slot * Keys * HeadDim, a.v + offset, keys, tokens - key, a.headDim);
    };

    int key = a.visibility.first_key(firstQuery) / Keys * Keys;
    load_tile<HeadDim, Rows, Threads>(q, a.q, queries, rows.count(), a.headDim);
    load_tile<HeadDim, Rows, Threads>(dO, a.dO, queries, rows.count(), a.headDim);
    load_keys(key, 0);

    int query[2], firstKey[2];
    float lse[2], delta[2], scale = a.scale * Log2E;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int row = warpRow + lane / 4 + 8 * r, inside = min(row, rows.count() - 1); // what follows for rows past the end is not stored
        query[r] = rows.token(row);
        firstKey[r] = a.visibility.first_key_or_none(query[r]);
        lse[r] = a.lse[rows.statistic(inside)] * Log2E;
        delta[r] = dot(a.dO + queries(inside), a.o + queries(inside), a.headDim);
        if (row == inside && lane % 4 == 0) a.delta[rows.statistic(row)] = delta[r];
    }

    // Tiles of keys that one of these tokens is the last to see: they end after its first key, but not after the next token's.
    if (kvHead == 0 && firstQuery + (int)threadIdx.x < endQuery) {
        int token = firstQuery + threadIdx.x, next = token + 1 < tokens ? a.visibility.first_key(token + 1) : tokens;
        for (int i = a.visibility.first_key(token) / a.keys; i * a.keys < tokens && min(tokens, (i + 1) * a.keys) <= next; i++) a.lastQueries[i] = token;
    }

    float sums[1][HeadDim / 8][4] = {};
    for (int slot = 0; key < endQuery; key += Keys, slot ^= 1) {
        cp_async_wait();
        __syncthreads(); // K and V are there, and the other slot is free
        if (key + Keys < endQuery) load_keys(key + Keys, slot ^ 1);

        const bf16 *k = ks + slot * Keys * HeadDim, *v = vs + slot * Keys * HeadDim;
        float s[1][Keys / 8][4], dS[1][Keys / 8][4];
        product_rows<HeadDim, Keys>(s, q, warpRow, k, 0);
        product_rows<HeadDim, Keys>(dS, dO, warpRow, v, 0);
        if (key < lastFirstKey || key + Keys > firstQuery + 1) { // some row does not see all of the tile
#pragma unroll
            for (int n = 0; n < Keys / 8; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int column = key + n * 8 + lane % 4 * 2 + i % 2;
                    if (column < firstKey[i / 2] || column > query[i / 2]) s[0][n][i] = -infinity();
                }
            }
        }

#pragma unroll
        for (int n = 0; n < Keys / 8; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) dS[0][n][i] = exp2_approx(s[0][n][i] * scale - lse[i / 2]) * (dS[0][n][i] - delta[i / 2]);
        }

#pragma unroll
        for (int step = 0; step < Keys / 16; step++) {
            uint32 left[1][4];
            as_left(left[0], dS[0], step);
            product_columns<HeadDim, HeadDim>(sums, left, k, 16 * step, 0);
        }
    }

    __syncwarp(); // a warp reads no rows of q but its own
    stage<HeadDim, HeadDim>(q, warpRow, 0, sums[0], a.scale, a.scale);
    __syncthreads();
    store_tile<HeadDim, Rows, Threads>(q, a.dq, queries, rows.count(), a.headDim);
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

// dk and dv of a tile of keys: goes over the query heads of the group, or of its split where there are few tiles, and the tiles of Queries queries
// that see the tile. Four warps form P and sum dv, four form dO·vᵀ, take P from the others for dS and sum dk; a warp's part is half of the keys by
// half of the queries, then half of the keys by half of HeadDim. With two stages the next tile of queries arrives meanwhile.
// Shared memory: k, v [Keys, HeadDim], Stages times q, dO [Queries, HeadDim], P and dS [Keys, Queries + 8] of bf16, Stages times lse, D, first keys
// [Queries].
template <int HeadDim, int Keys, int Queries, int Stages>
__device__ __forceinline__ void attention_backward_keys(const AttentionBackwardArgs& a) {
    constexpr int Threads = 256, Stride = Queries + 8; // 8 more, so that rows start in different banks
    constexpr int M = Keys / 32, N = Queries / 2, Columns = HeadDim / 2; // of a warp: M · 16 keys, N queries, Columns of HeadDim
    extern __shared__ uint4 shared[];
    bf16 *k = (bf16*)shared, *v = k + Keys * HeadDim, *qs = v + Keys * HeadDim, *dOs = qs + Stages * Queries * HeadDim;
    bf16 *ps = dOs + Stages * Queries * HeadDim, *dSs = ps + Keys * Stride;
    float *lses = (float*)(dSs + Keys * Stride), *deltas = lses + Stages * Queries;
    int* firstKeys = (int*)(deltas + Stages * Queries);

    int kvHead = blockIdx.x / a.splits, split = blockIdx.x % a.splits, tokens = a.visibility.tokens;
    int group = a.heads / a.kvHeads / a.splits, firstHead = (kvHead * a.splits + split) * group; // query heads of this block
    auto tiles_of = [&](int tile) { return (a.lastQueries[tile] - tile * Keys) / Queries + 1; };
    int tile = longest_first<Threads>(blockIdx.y, gridDim.y, tiles_of), tiles = tiles_of(tile), items = tiles * group;
    int firstKey = tile * Keys, endKey = min(tokens, firstKey + Keys);
    KeyOffsets queries{(int64)a.heads * a.headDim}, keys{(int64)a.kvHeads * a.headDim};
    int64 rows = firstKey * keys.stride + kvHead * a.headDim;

    auto load_item = [&](int item) {
        int head = firstHead + item / tiles, query = firstKey + item % tiles * Queries, slot = item % Stages;
        int64 offset = query * queries.stride + head * a.headDim;
        load_tile<HeadDim, Queries, Threads>(qs + slot * Queries * HeadDim, a.q + offset, queries, tokens - query, a.headDim);
        load_tile<HeadDim, Queries, Threads>(dOs + slot * Queries * HeadDim, a.dO + offset, queries, tokens - query, a.headDim);
        if (threadIdx.x < Queries) {
            int64 row = (int64)head * tokens + min(query + (int)threadIdx.x, tokens - 1);
            lses[slot * Queries + threadIdx.x] = a.lse[row] * Log2E;
            deltas[slot * Queries + threadIdx.x] = a.delta[row];
            firstKeys[slot * Queries + threadIdx.x] = a.visibility.first_key_or_none(query + threadIdx.x);
        }
    };

    load_tile<HeadDim, Keys, Threads>(k, a.k + rows, keys, endKey - firstKey, a.headDim);
    load_tile<HeadDim, Keys, Threads>(v, a.v + rows, keys, endKey - firstKey, a.headDim);
    load_item(0);

    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, keyRow = warp % 4 / 2 * (M * 16), half = warp % 2;
    bool sumsDv = warp < 4;
    float sums[M][Columns / 8][4] = {}, scale = a.scale * Log2E;
    for (int item = 0; item < items; item++) {
        cp_async_wait();
        __syncthreads(); // the item is there; the other stage, P and dS are free
        if (Stages == 2 && item + 1 < items) load_item(item + 1);

        int slot = item % Stages, query = firstKey + item % tiles * Queries;
        const bf16 *q = qs + slot * Queries * HeadDim, *dO = dOs + slot * Queries * HeadDim;
        const float *lse = lses + slot * Queries, *delta = deltas + slot * Queries;
        const int* first = firstKeys + slot * Queries;
        int at = (keyRow + lane / 4) * Stride + half * N + lane % 4 * 2; // of a lane's first pair in P and dS
        float c[M][N / 8][4];
        product_rows<HeadDim, N>(c, sumsDv ? k : v, keyRow, sumsDv ? q : dO, half * N);
        if (sumsDv) {
            bool masked = firstKey + Keys > query + 1 || first[Queries - 1] > firstKey; // some query does not see all of the keys, or is none
#pragma unroll
            for (int n = 0; n < N / 8; n++) {
#pragma unroll
                for (int m = 0; m < M; m++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        int column = half * N + n * 8 + lane % 4 * 2 + i % 2, key = firstKey + keyRow + m * 16 + lane / 4 + i / 2 * 8;
                        c[m][n][i] = exp2_approx(c[m][n][i] * scale - lse[column]);
                        if (masked && (key < first[column] || key > query + column)) c[m][n][i] = 0;
                    }

                    bf16* pair = ps + at + m * 16 * Stride + n * 8;
                    *(uint32*)pair = pack_bf16(c[m][n][0], c[m][n][1]);
                    *(uint32*)(pair + 8 * Stride) = pack_bf16(c[m][n][2], c[m][n][3]);
                }
            }
        }

        __syncthreads(); // P is there
        if (!sumsDv) {
#pragma unroll
            for (int n = 0; n < N / 8; n++) {
                float low = delta[half * N + n * 8 + lane % 4 * 2], high = delta[half * N + n * 8 + lane % 4 * 2 + 1];
#pragma unroll
                for (int m = 0; m < M; m++) {
#pragma unroll
                    for (int r = 0; r < 2; r++) {
                        int pair = at + (m * 16 + r * 8) * Stride + n * 8;
                        float p[2];
                        load<2>(ps + pair, p);
                        *(uint32*)(dSs + pair) = pack_bf16(p[0] * (c[m][n][2 * r] - low), p[1] * (c[m][n][2 * r + 1] - high));
                    }
                }
            }
        }

        __syncthreads(); // dS is there
        const bf16 *left = sumsDv ? ps : dSs, *right = sumsDv ? dO : q;
#pragma unroll
        for (int step = 0; step < Queries / 16; step++) {
            uint32 x[M][4];
#pragma unroll
            for (int m = 0; m < M; m++) ldmatrix_x4(x[m], left + (keyRow + m * 16 + lane % 16) * Stride + 16 * step + lane / 16 * 8);
            product_columns<HeadDim, Columns>(sums, x, right, 16 * step, half * Columns);
        }

        if (Stages == 1 && item + 1 < items) {
            __syncthreads(); // the only stage is free
            load_item(item + 1);
        }
    }

    if (a.splits > 1) {
        float* partial = a.partials + ((int64)split * 2 + sumsDv) * tokens * keys.stride + rows;
#pragma unroll
        for (int m = 0; m < M; m++)
            store_partial<Columns>(partial, keys.stride, keyRow + m * 16, half * Columns, endKey - firstKey, a.headDim, sums[m]);
        return;
    }

    __syncthreads(); // k and v are free
    float factor = sumsDv ? 1 : a.scale;
#pragma unroll
    for (int m = 0; m < M; m++) stage<HeadDim, Columns>(sumsDv ? v : k, keyRow + m * 16, half * Columns, sums[m], factor, factor);
    __syncthreads();
    store_tile<HeadDim, Keys, Threads>(k, a.dk + rows, keys, endKey - firstKey, a.headDim);
    store_tile<HeadDim, Keys, Threads>(v, a.dv + rows, keys, endKey - firstKey, a.headDim);
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

// Head dimension 256 takes 192 KiB for queries and 212 KiB for keys; the small kernels take at most 96 KiB, which every card has.
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_32(AttentionBackwardArgs a) { attention_backward_queries<32, 4, 64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_64(AttentionBackwardArgs a) { attention_backward_queries<64, 4, 64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_128(AttentionBackwardArgs a) { attention_backward_queries<128, 4, 64>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_queries_256(AttentionBackwardArgs a) { attention_backward_queries<256, 8, 32>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_256_small(AttentionBackwardArgs a) { attention_backward_queries<256, 4, 16>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_32(AttentionBackwardArgs a) { attention_backward_keys<32, 64, 32, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_64(AttentionBackwardArgs a) { attention_backward_keys<64, 64, 32, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_128(AttentionBackwardArgs a) { attention_backward_keys<128, 64, 32, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256(AttentionBackwardArgs a) { attention_backward_keys<256, 64, 64, 2>(a); }
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256_small(AttentionBackwardArgs a) { attention_backward_keys<256, 32, 32, 1>(a); }
