#pragma once
// LoRA's thin product up from its rank, on tensor cores with fp32 sums: y = source + Σ mask ∘ (p · scale · m), plus y itself where add. The
// wide matrix is read once for all slices, 16 bytes at a time, straight into fragments: a lane takes 8 neighbouring elements where the
// instruction would have 2 + 2 + 2 + 2, and the other factor's columns are permuted alike.
#include "low_rank.cuh"

// m is [ranks, dim] (LoRA's A) or [dim, ranks] (LoRA's B). source may be y.
struct LowRankUpArgs {
    const void* source;   // [tokens, dim] of T, rows sourceStride apart
    void* y;              // [tokens, dim] of T
    const act* p[8];      // [tokens, ranks], rows pStride apart
    const float* m[8];    // of rank and column: at rank · rankStride + column · columnStride
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];         // at most 16
    int pStride[8];
    int rankStride[8];
    int columnStride[8];
    int64 sourceStride;
    int count, tokens, dim, add, tokensPerBlock; // a multiple of 32
};

constexpr int UpColumns = 256, UpTokens = 32, UpStride = UpColumns + 2;

// 8 elements as they lie in memory: T is act, or float where a norm takes the result.
template <typename T>
struct Eight {
    uint4 words[sizeof(T) / 2];
};

template <typename T>
__device__ __forceinline__ void add8(const Eight<T>& row, float (&sum)[4][4], int h) {
    float x[8];
    load((const T*)row.words, x);
#pragma unroll
    for (int j = 0; j < 8; j++) sum[j / 2][h * 2 + j % 2] += x[j];
}

// 8 warps of 32 columns take the block's tokens 16 by 16. Shared memory: the block's columns of every scale · m as pairs of ranks, [count,
// 8, 258] words (the stride puts the four rows that a warp reads at once in different banks), then every p of 32 tokens and of the 32 after
// them, [2, 32, 16 · count + 8] of act.
template <typename T, bool Masked, bool Aligned>
__device__ __forceinline__ void low_rank_up(const LowRankUpArgs& a) {
    constexpr int Ahead = Masked ? 1 : 2; // a mask takes registers, and time in which rows arrive
    extern __shared__ uint4 shared[];
    __shared__ uint2 keys[8]; // of a mask: its key, and the index of its first element
    uint32* ms = (uint32*)shared;
    act* ps = (act*)(ms + a.count * 8 * UpStride);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, pStride = a.count * SliceRanks + 8;
    int start = blockIdx.y * a.tokensPerBlock, end = min(a.tokens, start + a.tokensPerBlock);
    int own = blockIdx.x * UpColumns + warp * 32 + 8 * t; // the first of the lane's 8 columns
    auto fetch_p = [&](int half, int first) {
        for (int i = threadIdx.x; i < UpTokens * a.count * 2; i += 256) {
            int rank = i % 2 * 8, row = i / 2 % UpTokens, s = i / 2 / UpTokens, token = first + row;
            const act* from = a.p[s] + (int64)token * a.pStride[s] + rank;
            act* to = ps + (half * UpTokens + row) * pStride + s * SliceRanks + rank;
            fetch8<Aligned>(to, from, token < end && rank < a.ranks[s], a.ranks[s] - rank);
        }
    };
    auto load_row = [&](const T* row, int dim) {
        Eight<T> all;
        if constexpr (sizeof(T) == sizeof(act)) all.words[0] = load8<Aligned>((const act*)row, own, dim);
        else load8<Aligned>((const float*)row, own, dim, (float(&)[8])all);
        return all;
    };
    auto load_source = [&](int token) { return load_row((const T*)a.source + token * a.sourceStride, token < end ? a.dim : 0); };

    fetch_p(0, start);
    Eight<T> source[Ahead][2]; // rows g and g + 8 of the next 16 · Ahead tokens
#pragma unroll
    for (int i = 0; i < Ahead * 2; i++) source[i / 2][i % 2] = load_source(start + i * 8 + g);
    int column = blockIdx.x * UpColumns + threadIdx.x;
    for (int s = 0; s < a.count; s++) { // a thread per column; all loads of a turn are under way before any of them is stored
        float m[SliceRanks];
        const float* from = a.m[s] + (int64)column * a.columnStride[s];
#pragma unroll
        for (int rank = 0; rank < SliceRanks; rank++, from += a.rankStride[s]) m[rank] = rank < a.ranks[s] && column < a.dim ? *from : 0;

#pragma unroll
        for (int pair = 0; pair < SliceRanks / 2; pair++)
            ms[(s * 8 + pair) * UpStride + threadIdx.x] = pack(a.scale[s] * m[2 * pair], a.scale[s] * m[2 * pair + 1]);
    }

    if (Masked && threadIdx.x < a.count) {
        Mask mask = {a.seed[threadIdx.x], a.stream[threadIdx.x], a.threshold[threadIdx.x]};
        keys[threadIdx.x] = make_uint2(mask.key(), mask.first(a.dim));
    }

    for (int first = start, half = 0; first < end; first += UpTokens, half ^= 1) {
        cp_async_wait();
        __syncthreads(); // p of these tokens is there (before the first also m and the keys), and that of those before is read
        if (first + UpTokens < end) fetch_p(half ^ 1, first + UpTokens);
#pragma unroll(Ahead)
        for (int run = 0; run < UpTokens; run += 16) {
            int token = first + run + g;
            float sum[4][4] = {}; // tiles of 8 columns: rows token (0, 1) and token + 8 (2, 3) of the lane's columns 2n and 2n + 1
#pragma unroll
            for (int h = 0; h < 2; h++) {
                Eight<T>& row = source[run / 16 % Ahead][h];
                add8(row, sum, h);
                row = load_source(token + 16 * Ahead + h * 8);
            }

            float c[4][4] = {}; // an adapter's share, before its mask
#pragma unroll 1
            for (int s = 0; s < a.count; s++) {
                uint32 p[4];
                ldmatrix_x4(p, ps + (half * UpTokens + run + lane % 16) * pStride + s * SliceRanks + lane / 16 * 8);
#pragma unroll
                for (int n = 0; n < 4; n++) { // column g of tile n is the one that lane g / 2 of a row stores as its element 2n + g % 2
                    const uint32* m = ms + (s * 8 + t) * UpStride + warp * 32 + g / 2 * 8 + 2 * n + g % 2;
                    mma(Masked ? c[n] : sum[n], p, m[0], m[4 * UpStride]);
                }

                if (!Masked || (s + 1 < a.count && a.stream[s + 1] == a.stream[s])) continue; // more ranks of the same adapter
                Mask mask = {a.seed[s], a.stream[s], a.threshold[s]};
                uint2 key = keys[s];
#pragma unroll
                for (int i = 0; i < 16; i++) {
                    uint32 index = key.y + (uint32)(token + i % 4 / 2 * 8) * a.dim + own + i / 4 * 2 + i % 2;
                    if (mask.threshold == 0 || mask.keeps(key.x, index)) sum[i / 4][i % 4] += c[i / 4][i % 4];
                    c[i / 4][i % 4] = 0;
                }
            }

#pragma unroll
            for (int h = 0; h < 2; h++) {
                if (token + h * 8 >= end || own >= a.dim) continue;
                T* y = (T*)a.y + (int64)(token + h * 8) * a.dim;
                if (a.add) add8(load_row(y, a.dim), sum, h);
                if constexpr (Aligned) {
                    store(y + own, {
                        sum[0][2 * h], sum[0][2 * h + 1], sum[1][2 * h], sum[1][2 * h + 1],
                        sum[2][2 * h], sum[2][2 * h + 1], sum[3][2 * h], sum[3][2 * h + 1],
                    });
                } else {
#pragma unroll
                    for (int j = 0; j < 8; j++) {
                        if (own + j < a.dim) store(y + own + j, sum[j / 2][2 * h + j % 2]);
                    }
                }
            }
        }
    }
}
