// LoRA's thin product down to its rank for steps of few tokens, on tensor cores with fp32 sums. The wide matrix is read once for all
// slices, 16 bytes at a time, straight into fragments: a lane takes 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2,
// and the other factor's rows are permuted alike. Grid: 16 tokens to a block of 8 warps, each of which takes every eighth run of 32 of the
// sum. low_rank_down_unaligned is for rows that are no multiple of 8 elements.
#include "low_rank_down.cuh"

// A warp fetches Depth runs of x before it uses the first.
template <int Slices, int Depth, bool Aligned>
__device__ __forceinline__ void low_rank_down(const LowRankDownArgs& a) {
    constexpr int Warps = 8, Tokens = 16, Stride = Warps * 32;
    __shared__ float sums[Warps][Tokens][SliceRanks + 1];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    int64 firstToken = (int64)blockIdx.x * Tokens;

    float c[Slices][2][4] = {};
    for (int k = warp * 32 + t * 8; k - t * 8 < a.dim; k += Depth * Stride) {
        uint4 x[Depth][2];
#pragma unroll
        for (int i = 0; i < Depth * 2; i++) {
            int64 token = firstToken + i % 2 * 8 + g;
            x[i / 2][i % 2] = load8<Aligned>(a.x + token * a.dim, k + i / 2 * Stride, token < a.tokens ? a.dim : 0);
        }

        if (a.copies) {
#pragma unroll
            for (int i = 0; i < Depth * 2; i++) copy_to_rows(a, firstToken + i % 2 * 8 + g, k + i / 2 * Stride, x[i / 2][i % 2]);
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
            uint32 key = mask.key(), firstElement = mask.first(a.dim);
#pragma unroll
            for (int step = 0; step < Depth; step++) {
                uint4 rows[2];
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    rows[h] = x[step][h];
                    if (mask.threshold == 0) continue;
                    uint32 index = firstElement + (uint32)(firstToken + h * 8 + g) * a.dim + k + step * Stride;
                    rows[h].x = masked(mask, key, index, index + 1, rows[h].x);
                    rows[h].y = masked(mask, key, index + 2, index + 3, rows[h].y);
                    rows[h].z = masked(mask, key, index + 4, index + 5, rows[h].z);
                    rows[h].w = masked(mask, key, index + 6, index + 7, rows[h].w);
                }

                uint32 low[4] = {rows[0].x, rows[1].x, rows[0].y, rows[1].y}, high[4] = {rows[0].z, rows[1].z, rows[0].w, rows[1].w};
#pragma unroll
                for (int n = 0; n < 2; n++) {
                    const float(&column)[8] = b[step][n];
                    mma(c[s][n], low, pack(column[0], column[1]), pack(column[2], column[3]));
                    mma(c[s][n], high, pack(column[4], column[5]), pack(column[6], column[7]));
                }
            }
        }
    }

#pragma unroll
    for (int s = 0; s < Slices; s++) {
        if (s >= a.count) break;
        __syncthreads(); // the sums of the slice before are read
#pragma unroll
        for (int i = 0; i < 8; i++) sums[warp][g + i / 2 % 2 * 8][i / 4 * 8 + 2 * t + i % 2] = c[s][i / 4][i % 4];

        __syncthreads();
        int row = threadIdx.x / SliceRanks, rank = threadIdx.x % SliceRanks;
        float sum = 0;
        for (int w = 0; w < Warps; w++) sum += sums[w][row][rank];
        store_down(a, s, firstToken + row, rank, sum);
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_1(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down<1, 4, true>(a);
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_3(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down<3, 3, true>(a);
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_8(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down<8, 1, true>(a);
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_unaligned(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down<8, 1, false>(a);
}
