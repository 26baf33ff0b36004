// LoRA's thin products down to its rank and up from it, on tensor cores with fp32 sums. The wide matrix is read once for all slices, 16 bytes at a
// time, straight into fragments: a lane takes 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2, and the other factor's rows or
// columns are permuted alike. The _unaligned kernels are for rows that are no multiple of 8 elements.
#include "low_rank.cuh"

// --- low_rank_down: y = scale · (x ∘ mask) · aᵀ for every slice. Grid: 16 · RowTiles tokens to a block of 8 warps, each of which takes every
// eighth run of 32 of the sum.

struct LowRankDownArgs {
    const bf16* x;         // [tokens, dim]
    const float* a[8];     // [ranks, dim]
    bf16* y[8];            // [tokens, ranks], rows yStride apart
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];          // at most 16
    int yStride[8];
    int count, tokens, dim;
};

// A warp fetches Depth runs of x before it uses the first.
template <int Slices, int RowTiles, int Depth, bool Aligned>
__device__ __forceinline__ void low_rank_down(const LowRankDownArgs& a) {
    constexpr int Warps = 8, Tokens = 16 * RowTiles, Stride = Warps * 32;
    __shared__ float sums[Warps][Tokens][SliceRanks + 1];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    int64 firstToken = (int64)blockIdx.x * Tokens;

    float c[Slices][RowTiles][2][4] = {};
    for (int k = warp * 32 + t * 8; k - t * 8 < a.dim; k += Depth * Stride) {
        uint4 x[Depth][RowTiles][2];
#pragma unroll
        for (int i = 0; i < Depth * RowTiles * 2; i++) {
            int step = i / (RowTiles * 2), tile = i / 2 % RowTiles, h = i % 2;
            int64 token = firstToken + tile * 16 + h * 8 + g;
            x[step][tile][h] = load8<Aligned>(a.x + token * a.dim, k + step * Stride, token < a.tokens ? a.dim : 0);
        }

#pragma unroll
        for (int s = 0; s < Slices; s++) {
            if (s >= a.count) break;
            float b[Depth][2][8];
#pragma unroll
            for (int i = 0; i < Depth * 2; i++) {
                int rank = i % 2 * 8 + g;
                load8<Aligned>(a.a[s] + (int64)rank * a.dim, k + i / 2 * Stride, rank < a.ranks[s] ? a.dim : 0, b[i / 2][i % 2]);
            }

            Mask mask = {a.seed[s], a.stream[s], a.threshold[s]};
            uint32 key = mask.key();
#pragma unroll
            for (int step = 0; step < Depth; step++) {
                uint32 right[2][4];
#pragma unroll
                for (int i = 0; i < 8; i++) right[i / 4][i % 4] = pack_bf16(b[step][i / 4][i % 4 * 2], b[step][i / 4][i % 4 * 2 + 1]);
#pragma unroll
                for (int tile = 0; tile < RowTiles; tile++) {
                    uint4 rows[2];
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        rows[h] = x[step][tile][h];
                        if (mask.threshold == 0) continue;
                        int64 index = (firstToken + tile * 16 + h * 8 + g) * a.dim + k + step * Stride;
                        rows[h].x = masked(mask, key, index, index + 1, rows[h].x);
                        rows[h].y = masked(mask, key, index + 2, index + 3, rows[h].y);
                        rows[h].z = masked(mask, key, index + 4, index + 5, rows[h].z);
                        rows[h].w = masked(mask, key, index + 6, index + 7, rows[h].w);
                    }

                    uint32 low[4] = {rows[0].x, rows[1].x, rows[0].y, rows[1].y}, high[4] = {rows[0].z, rows[1].z, rows[0].w, rows[1].w};
#pragma unroll
                    for (int n = 0; n < 2; n++) {
                        mma_bf16(c[s][tile][n], low, right[n][0], right[n][1]);
                        mma_bf16(c[s][tile][n], high, right[n][2], right[n][3]);
                    }
                }
            }
        }
    }

#pragma unroll
    for (int s = 0; s < Slices; s++) {
        if (s >= a.count) break;
        __syncthreads(); // the sums of the slice before are read
#pragma unroll
        for (int tile = 0; tile < RowTiles; tile++) {
#pragma unroll
            for (int i = 0; i < 8; i++) sums[warp][tile * 16 + g + i / 2 % 2 * 8][i / 4 * 8 + 2 * t + i % 2] = c[s][tile][i / 4][i % 4];
        }

        __syncthreads();
        for (int i = threadIdx.x; i < Tokens * SliceRanks; i += Warps * WARP) {
            int row = i / SliceRanks, rank = i % SliceRanks;
            int64 token = firstToken + row;
            if (token >= a.tokens || rank >= a.ranks[s]) continue;
            float sum = 0;
            for (int w = 0; w < Warps; w++) sum += sums[w][row][rank];
            a.y[s][token * a.yStride[s] + rank] = to_bf16(sum * a.scale[s]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_1x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<1, 1, 4, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_1x32(const __grid_constant__ LowRankDownArgs a) { low_rank_down<1, 2, 4, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_3x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<3, 1, 3, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_3x32(const __grid_constant__ LowRankDownArgs a) { low_rank_down<3, 2, 2, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_8x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<8, 1, 1, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_unaligned(const __grid_constant__ LowRankDownArgs a) { low_rank_down<8, 1, 1, false>(a); }

// --- low_rank_up: y = source + Σ scale · mask ∘ (p · m), plus y itself where add. Grid: x: 256 columns, y: 64 tokens; 8 warps of 32 columns.
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

extern "C" __global__ void __launch_bounds__(256) low_rank_up(const __grid_constant__ LowRankUpArgs a) { low_rank_up<false, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed(const __grid_constant__ LowRankUpArgs a) { low_rank_up<true, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_unaligned(const __grid_constant__ LowRankUpArgs a) { low_rank_up<false, false>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed_unaligned(const __grid_constant__ LowRankUpArgs a) { low_rank_up<true, false>(a); }
