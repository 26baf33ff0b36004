#pragma once
// Grid: x: key heads, y: tiles of 16 · Warps query rows, the longest first. 16-bit products, fp32 sums.
#include "attention_backward.cuh"

// Σ x·y over a row, of which the four lanes that call it together take a part each.
__device__ __forceinline__ float dot(const act* x, const act* y, int headDim) {
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

// dq of a tile of query rows: Warps warps of 16 rows go over the tiles of Keys keys that they see, of which the next arrives meanwhile if
// there are two stages of them. Shared memory: q, dO [16 · Warps, HeadDim], Stages times k and Stages times v [Keys, HeadDim] of act.
template <int HeadDim, int Warps, int Keys, int Stages = 2>
__device__ __forceinline__ void attention_backward_queries(const AttentionBackwardArgs& a) {
    constexpr int Rows = Warps * 16, Threads = Warps * WARP;
    extern __shared__ uint4 shared[];
    act *q = (act*)shared, *dO = q + Rows * HeadDim, *ks = dO + Rows * HeadDim, *vs = ks + Stages * Keys * HeadDim;

    int tokens = a.visibility.tokens, kvHead = blockIdx.x;
    QueryRows rows = longest_rows<Rows, Threads, Keys>(a, kvHead);
    int firstQuery = rows.token(0), endQuery = rows.end_token(), warpRow = threadIdx.x / WARP * 16, lane = threadIdx.x % WARP;
    int lastFirstKey = a.visibility.first_key(endQuery - 1);
    QueryOffsets queries{rows, (int64)a.heads * a.headDim};
    KeyOffsets keys{(int64)a.kvHeads * a.headDim};

    auto load_slot = [&](int key, int slot) {
        load_keys<HeadDim, Keys, Threads>(ks + slot * Keys * HeadDim, vs + slot * Keys * HeadDim, a, keys, kvHead, key, tokens);
    };

    int key = a.visibility.first_key(firstQuery) / Keys * Keys;
    load_tile<HeadDim, Rows, Threads>(q, a.q, queries, rows.count(), a.headDim);
    load_tile<HeadDim, Rows, Threads>(dO, a.dO, queries, rows.count(), a.headDim);
    load_slot(key, 0);

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
        for (int i = a.visibility.first_key(token) / a.keys; i * a.keys < tokens && min(tokens, (i + 1) * a.keys) <= next; i++)
            a.lastQueries[i] = token;
    }

    float sums[1][HeadDim / 8][4] = {};
    for (int slot = 0; key < endQuery; key += Keys, slot ^= Stages - 1) {
        cp_async_wait();
        __syncthreads(); // K and V are there, and the other slot is free
        if (Stages == 2 && key + Keys < endQuery) load_slot(key + Keys, slot ^ 1);

        const act *k = ks + slot * Keys * HeadDim, *v = vs + slot * Keys * HeadDim;
        float s[1][Keys / 8][4], dS[1][Keys / 8][4];
        product_rows<HeadDim, Keys>(s, q, warpRow, k, 0);
        product_rows<HeadDim, Keys>(dS, dO, warpRow, v, 0);
        // Where some row does not see all of the tile.
        if (key < lastFirstKey || key + Keys > firstQuery + 1) hide_unseen(s[0], key, firstKey, query);

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

        if (Stages == 1 && key + Keys < endQuery) {
            __syncthreads(); // the only stage is free
            load_slot(key + Keys, 0);
        }
    }

    __syncwarp(); // a warp reads no rows of q but its own
    stage<HeadDim, HeadDim>(q, warpRow, 0, sums[0], a.scale, a.scale);
    __syncthreads();
    store_tile<HeadDim, Rows, Threads>(q, a.dq, queries, rows.count(), a.headDim);
}
