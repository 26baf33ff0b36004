// LoRA's thin product down to its rank, on tensor cores with fp32 sums. The wide matrix is read once for all slices, 16 bytes at a time, straight into
// fragments: a lane takes 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2, and the other factor's rows are permuted alike. The
// _unaligned kernels are for rows that are no multiple of 8 elements.
#include "low_rank.cuh"

// y = scale · (x ∘ mask) · aᵀ for every slice. Grid: 16 · RowTiles tokens to a block of 8 warps, each of which takes every
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

extern "C" __global__ void __launch_bounds__(256) low_rank_down_1x16(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<1, 1, 4, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_1x32(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<1, 2, 4, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_3x16(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<3, 1, 3, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_3x32(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<3, 2, 2, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_8x16(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<8, 1, 1, true>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_unaligned(const __grid_constant__ LowRankDownArgs a) { after_previous_kernel(); low_rank_down<8, 1, 1, false>(a); }
