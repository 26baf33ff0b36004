#pragma once
// Grid: it needs what queries wrote: x: key heads times splits, y: tiles of Keys keys, the longest first. 16-bit products, fp32 sums.
#include "attention_backward.cuh"

// A warp's 16 rows of fp32 sums, as they are.
template <int N>
__device__ __forceinline__ void store_partial(
    float* target, int64 stride, int row, int column, int rows, int headDim, const float (&c)[N / 8][4]) {
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

// dk and dv of a tile of keys: goes over the query heads of the group, or of its split where there are few tiles, and the tiles of Queries
// queries that see the tile. Four warps form P and sum dv, four form dO·vᵀ, take P from the others for dS and sum dk; a warp's part is half
// of the keys by half of the queries (of 16 queries all, and one of two warps stores), then half of the keys by half of HeadDim. With two
// stages the next tile of queries arrives meanwhile.
// Shared memory: k, v [Keys, HeadDim], Stages times q, dO [Queries, HeadDim], P and dS [Keys, Queries + 8] of act, Stages times lse, D,
// first keys [Queries].
template <int HeadDim, int Keys, int Queries, int Stages>
__device__ __forceinline__ void attention_backward_keys(const AttentionBackwardArgs& a) {
    constexpr int Threads = 256, Stride = Queries + 8; // 8 more, so that rows start in different banks
    // Of a warp: M · 16 keys, N queries, Columns of HeadDim.
    constexpr int Parts = Queries < 32 ? 1 : 2, M = Keys / 32, N = Queries / Parts, Columns = HeadDim / 2;
    extern __shared__ uint4 shared[];
    act *k = (act*)shared, *v = k + Keys * HeadDim, *qs = v + Keys * HeadDim, *dOs = qs + Stages * Queries * HeadDim;
    act *ps = dOs + Stages * Queries * HeadDim, *dSs = ps + Keys * Stride;
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

    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, keyRow = warp % 4 / 2 * (M * 16), half = warp % 2, part = half % Parts;
    bool stores = half < Parts;
    bool sumsDv = warp < 4;
    float sums[M][Columns / 8][4] = {}, scale = a.scale * Log2E;
    for (int item = 0; item < items; item++) {
        cp_async_wait();
        __syncthreads(); // the item is there; the other stage, P and dS are free
        if (Stages == 2 && item + 1 < items) load_item(item + 1);

        int slot = item % Stages, query = firstKey + item % tiles * Queries;
        const act *q = qs + slot * Queries * HeadDim, *dO = dOs + slot * Queries * HeadDim;
        const float *lse = lses + slot * Queries, *delta = deltas + slot * Queries;
        const int* first = firstKeys + slot * Queries;
        int at = (keyRow + lane / 4) * Stride + part * N + lane % 4 * 2; // of a lane's first pair in P and dS
        float c[M][N / 8][4];
        product_rows<HeadDim, N>(c, sumsDv ? k : v, keyRow, sumsDv ? q : dO, part * N);
        if (sumsDv) {
            // Whether some query does not see all of the keys, or is none.
            bool masked = firstKey + Keys > query + 1 || first[Queries - 1] > firstKey;
#pragma unroll
            for (int n = 0; n < N / 8; n++) {
#pragma unroll
                for (int m = 0; m < M; m++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        int column = part * N + n * 8 + lane % 4 * 2 + i % 2, key = firstKey + keyRow + m * 16 + lane / 4 + i / 2 * 8;
                        c[m][n][i] = exp2_approx(c[m][n][i] * scale - lse[column]);
                        if (masked && (key < first[column] || key > query + column)) c[m][n][i] = 0;
                    }

                    if (!stores) continue;
                    act* pair = ps + at + m * 16 * Stride + n * 8;
                    *(uint32*)pair = pack(c[m][n][0], c[m][n][1]);
                    *(uint32*)(pair + 8 * Stride) = pack(c[m][n][2], c[m][n][3]);
                }
            }
        }

        __syncthreads(); // P is there
        if (!sumsDv && stores) {
#pragma unroll
            for (int n = 0; n < N / 8; n++) {
                float low = delta[part * N + n * 8 + lane % 4 * 2], high = delta[part * N + n * 8 + lane % 4 * 2 + 1];
#pragma unroll
                for (int m = 0; m < M; m++) {
#pragma unroll
                    for (int r = 0; r < 2; r++) {
                        int pair = at + (m * 16 + r * 8) * Stride + n * 8;
                        float p[2];
                        load<2>(ps + pair, p);
                        *(uint32*)(dSs + pair) = pack(p[0] * (c[m][n][2 * r] - low), p[1] * (c[m][n][2 * r + 1] - high));
                    }
                }
            }
        }

        __syncthreads(); // dS is there
        const act *left = sumsDv ? ps : dSs, *right = sumsDv ? dO : q;
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
