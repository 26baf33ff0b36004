// LoRA's thin product up from its rank, on tensor cores with fp32 sums. The wide matrix is read once for all slices, 16 bytes at a time, straight into
// fragments: a lane takes 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2, and the other factor's columns are permuted alike. The
// _unaligned kernels are for rows that are no multiple of 8 elements.
#include "low_rank.cuh"

// y = source + Σ scale · mask ∘ (p · m), plus y itself where add. Grid: x: 256 columns, y: 64 tokens; 8 warps of 32 columns.
// m is [ranks, dim] (LoRA's A), or [dim, ranks] with rows mStride apart in the _transposed kernels (LoRA's B). source may be y. Shared memory: the
// block's part of every m as pairs of ranks, [count, 8, 258] words (the stride puts the four rows that a warp reads at once in different banks), then
// the block's part of every p, [64, 16 · count + 8] of bf16.

struct LowRankUpArgs {
    const bf16* source;   // [tokens, dim], rows sourceStride apart
    bf16* y;              // [tokens, dim]
    const bf16* p[8];     // [tokens, ranks], rows pStride apart
    const float* m[8];
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];         // at most 16
    int pStride[8];
    int mStride[8];
    int64 sourceStride;
    int count, tokens, dim, add;
};

constexpr int UpColumns = 256, UpTokens = 64, UpStride = UpColumns + 2;

__device__ __forceinline__ void add8(const uint4& words, float (&sum)[8]) {
    float x[8];
    load((const bf16*)&words, x);
#pragma unroll
    for (int j = 0; j < 8; j++) sum[j] += x[j];
}

// A thread per column of m and per run of 8 ranks of p; all loads of a turn are under way before any of them is stored.
template <bool Transposed, bool Aligned>
__device__ __forceinline__ void load_factors(const LowRankUpArgs& a, uint32* ms, bf16* ps, int pStride) {
    int column = blockIdx.x * UpColumns + threadIdx.x;
    for (int s = 0; s < a.count; s++) {
        float m[SliceRanks];
#pragma unroll
        for (int rank = 0; rank < SliceRanks; rank++) {
            bool valid = rank < a.ranks[s] && column < a.dim;
            m[rank] = valid ? a.m[s][Transposed ? (int64)column * a.mStride[s] + rank : (int64)rank * a.dim + column] : 0;
        }

#pragma unroll
        for (int pair = 0; pair < SliceRanks / 2; pair++) ms[(s * 8 + pair) * UpStride + threadIdx.x] = pack_bf16(m[2 * pair], m[2 * pair + 1]);
    }

    for (int i = threadIdx.x; i < UpTokens * a.count * 2; i += 256) {
        int row = i / (a.count * 2), run = i % (a.count * 2), s = run / 2;
        int64 token = (int64)blockIdx.y * UpTokens + row;
        *(uint4*)(ps + row * pStride + run * 8) = load8<Aligned>(a.p[s] + token * a.pStride[s], run % 2 * 8, token < a.tokens ? a.ranks[s] : 0);
    }
}

template <bool Transposed, bool Aligned>
__device__ __forceinline__ void low_rank_up(const LowRankUpArgs& a) {
    extern __shared__ uint4 shared[];
    uint32* ms = (uint32*)shared;
    bf16* ps = (bf16*)(ms + a.count * 8 * UpStride);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, pStride = a.count * SliceRanks + 8;
    int own = blockIdx.x * UpColumns + warp * 32 + 8 * t; // the first of the lane's 8 columns
    auto load_source = [&](int run, int h) {
        int64 token = (int64)blockIdx.y * UpTokens + run * 16 + h * 8 + g;
        return load8<Aligned>(a.source + token * a.sourceStride, own, run < UpTokens / 16 && token < a.tokens ? a.dim : 0);
    };
    uint4 source[2] = {load_source(0, 0), load_source(0, 1)};
    load_factors<Transposed, Aligned>(a, ms, ps, pStride);
    __syncthreads();

    for (int run = 0; run < UpTokens / 16; run++) {
        uint4 next[2] = {load_source(run + 1, 0), load_source(run + 1, 1)};
        int64 token = (int64)blockIdx.y * UpTokens + run * 16 + g;
        float sum[2][8] = {}, c[4][4] = {}; // rows token and token + 8 of the lane's columns; tiles of 8 columns
        for (int s = 0; s < a.count; s++) {
            uint32 p[4];
            ldmatrix_x4(p, ps + (run * 16 + lane % 16) * pStride + s * SliceRanks + lane / 16 * 8);
#pragma unroll
            for (int n = 0; n < 4; n++) { // column g of tile n is the one that lane g / 2 of a row stores as its element 2n + g % 2
                const uint32* m = ms + (s * 8 + t) * UpStride + warp * 32 + g / 2 * 8 + 2 * n + g % 2;
                mma_bf16(c[n], p, m[0], m[4 * UpStride]);
            }

            if (s + 1 < a.count && a.stream[s + 1] == a.stream[s]) continue; // more ranks of the same adapter
            Mask mask = {a.seed[s], a.stream[s], a.threshold[s]};
            uint32 key = mask.key();
#pragma unroll
            for (int i = 0; i < 16; i++) {
                float& value = c[i % 8 / 2][i / 8 * 2 + i % 2];
                if (mask.threshold == 0 || mask.keeps(key, (token + i / 8 * 8) * a.dim + own + i % 8)) sum[i / 8][i % 8] += a.scale[s] * value;
                value = 0;
            }
        }

#pragma unroll
        for (int h = 0; h < 2; h++) {
            int64 row = token + h * 8;
            if (row < a.tokens && own < a.dim) {
                bf16* y = a.y + row * a.dim;
                add8(source[h], sum[h]);
                if (a.add) add8(load8<Aligned>(y, own, a.dim), sum[h]);
                if constexpr (Aligned) store(y + own, sum[h]);
                else {
#pragma unroll
                    for (int j = 0; j < 8; j++) {
                        if (own + j < a.dim) y[own + j] = to_bf16(sum[h][j]);
                    }
                }
            }

            source[h] = next[h];
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_up(const __grid_constant__ LowRankUpArgs a) { after_previous_kernel(); low_rank_up<false, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed(const __grid_constant__ LowRankUpArgs a) { after_previous_kernel(); low_rank_up<true, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_unaligned(const __grid_constant__ LowRankUpArgs a) { after_previous_kernel(); low_rank_up<false, false>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed_unaligned(const __grid_constant__ LowRankUpArgs a) { after_previous_kernel(); low_rank_up<true, false>(a); }
