#pragma once
// Attention over whole documents. Grid: x: key heads, y: tiles of 16 · Warps query rows, the longest first; Warps warps of 16 rows. 16-bit
// tensor-core products, fp32 scores, softmax and sums. 2 · (16 · Warps + 2 · Stages · Keys) · HeadDim bytes of shared memory.
#include "attention.cuh"

struct AttentionForwardArgs {
    const act* q;
    const act* k;
    const act* v;
    Visibility visibility;
    act* o;
    float* lse;
    int heads, kvHeads, headDim;
    float scale;
};

// Flash attention (arXiv:2205.14135). The rows of a tile are queries of all heads of a key head; the next tile of keys and values arrives
// while the products of this one are formed, if there are two stages of them.
template <int HeadDim, int Warps, int Keys, int Stages = 2>
__device__ __forceinline__ void attention_forward(const AttentionForwardArgs& a) {
    constexpr int Rows = Warps * 16, Threads = Warps * WARP;
    extern __shared__ uint4 shared[];
    act *q = (act*)shared, *ks = q + Rows * HeadDim, *vs = ks + Stages * Keys * HeadDim;

    int tokens = a.visibility.tokens, kvHead = blockIdx.x;
    QueryRows rows = longest_rows<Rows, Threads, Keys>(a, kvHead);
    int firstQuery = rows.token(0), endQuery = rows.end_token(), warpRow = threadIdx.x / WARP * 16;
    int lane = threadIdx.x % WARP, row[2] = {warpRow + lane / 4, warpRow + lane / 4 + 8};
    int query[2] = {rows.token(row[0]), rows.token(row[1])};
    int firstKey[2] = {a.visibility.first_key_or_none(query[0]), a.visibility.first_key_or_none(query[1])};
    int lastFirstKey = a.visibility.first_key(endQuery - 1);
    QueryOffsets queries{rows, (int64)a.heads * a.headDim};
    KeyOffsets keys{(int64)a.kvHeads * a.headDim};

    auto load_slot = [&](int key, int slot) {
        load_keys<HeadDim, Keys, Threads>(ks + slot * Keys * HeadDim, vs + slot * Keys * HeadDim, a, keys, kvHead, key, tokens);
    };

    int key = a.visibility.first_key(firstQuery) / Keys * Keys;
    load_tile<HeadDim, Rows, Threads>(q, a.q, queries, rows.count(), a.headDim);
    load_slot(key, 0);

    float sums[1][HeadDim / 8][4] = {}, maximum[2] = {-infinity(), -infinity()}, total[2] = {0, 0}, scale = a.scale * Log2E;
    for (int slot = 0; key < endQuery; key += Keys, slot ^= Stages - 1) {
        cp_async_wait();
        __syncthreads(); // K and V are there, and the other stage is free
        if (Stages == 2 && key + Keys < endQuery) load_slot(key + Keys, slot ^ 1);

        float scores[1][Keys / 8][4];
        auto& p = scores[0];
        product_rows<HeadDim, Keys>(scores, q, warpRow, ks + slot * Keys * HeadDim, 0);
        // Where some row does not see all of the tile.
        if (key < lastFirstKey || key + Keys > firstQuery + 1) hide_unseen(p, key, firstKey, query);

#pragma unroll
        for (int r = 0; r < 2; r++) {
            float largest = maximum[r];
#pragma unroll
            for (int n = 0; n < Keys / 8; n++) largest = fmaxf(largest, fmaxf(p[n][2 * r], p[n][2 * r + 1]));
            largest = row_max(largest);
            float shift = largest == -infinity() ? 0 : largest * scale; // a row that has seen no key yet
            float correction = exp2_approx(maximum[r] * scale - shift);
            maximum[r] = largest;
            total[r] *= correction;
#pragma unroll
            for (int n = 0; n < Keys / 8; n++) {
#pragma unroll
                for (int i = 2 * r; i < 2 * r + 2; i++) {
                    p[n][i] = exp2_approx(p[n][i] * scale - shift);
                    total[r] += p[n][i];
                }
            }

#pragma unroll
            for (int n = 0; n < HeadDim / 8; n++) {
                sums[0][n][2 * r] *= correction;
                sums[0][n][2 * r + 1] *= correction;
            }
        }

#pragma unroll
        for (int step = 0; step < Keys / 16; step++) {
            uint32 left[1][4];
            as_left(left[0], p, step);
            product_columns<HeadDim, HeadDim>(sums, left, vs + slot * Keys * HeadDim, 16 * step, 0);
        }

        if (Stages == 1 && key + Keys < endQuery) {
            __syncthreads(); // the only stage is free
            load_slot(key + Keys, 0);
        }
    }

    total[0] = row_sum(total[0]);
    total[1] = row_sum(total[1]);
    for (int r = 0; r < 2; r++) {
        if (lane % 4 == 0 && query[r] < tokens) a.lse[rows.statistic(row[r])] = (maximum[r] * scale + log2f(total[r])) * Ln2;
    }

    __syncwarp(); // a warp reads no rows of q but its own
    stage<HeadDim, HeadDim>(q, warpRow, 0, sums[0], 1 / total[0], 1 / total[1]);
    __syncthreads();
    store_tile<HeadDim, Rows, Threads>(q, a.o, queries, rows.count(), a.headDim);
}
