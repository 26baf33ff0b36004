// LoRA's thin product down to its rank for steps of many tokens, on tensor cores with fp32 sums. x and the factors come to shared memory in
// tiles of 64 columns, several ahead; dim % 8 == 0. Grid: 64 tokens to a block of 8 warps: four rows of 16 tokens, and for each a warp for
// either half of a tile's columns. Shared memory: Stages tiles of x, [64, 72] of act, each followed by those of the factors, [16 · count,
// 72] of fp32; the strides keep the rows that a warp reads at once in different banks.
#include "low_rank_down.cuh"

constexpr int Slices = 8, Tokens = 64, Columns = 64, Stages = 4, Stride = Columns + 8;

template <bool Masks>
__device__ __forceinline__ void low_rank_down_tall(const LowRankDownArgs& a) {
    extern __shared__ uint4 shared[];
    int count = a.count, stageBytes = Tokens * Stride * sizeof(act) + count * SliceRanks * Stride * sizeof(float);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, group = warp % 4, half = warp / 4;
    int64 firstToken = (int64)blockIdx.x * Tokens;
    auto x_tile = [&](int slot) { return (act*)((uint8*)shared + slot * stageBytes); };
    auto a_tile = [&](int slot) { return (float*)(x_tile(slot) + Tokens * Stride); };

    // A thread copies eight elements of two tokens, and four of a rank of every slice.
    int token8 = threadIdx.x / 8, column8 = threadIdx.x % 8 * 8, rank4 = threadIdx.x / 16, column4 = threadIdx.x % 16 * 4;
    auto load_tiles = [&](int slot, int first) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int row = token8 + h * 32;
            bool valid = firstToken + row < a.tokens && first + column8 < a.dim;
            cp_async16(x_tile(slot) + row * Stride + column8, valid ? a.x + (firstToken + row) * a.dim + first + column8 : a.x, valid);
        }

        for (int s = 0; s < count; s++) {
            bool valid = rank4 < a.ranks[s] && first + column4 < a.dim;
            float* to = a_tile(slot) + (s * SliceRanks + rank4) * Stride + column4;
            cp_async16(to, valid ? a.a[s] + (int64)rank4 * a.dim + first + column4 : a.a[s], valid);
        }
    };

    uint32 keys[Slices], firstElement = 0; // the same of all masks, as they are of the same tokens
#pragma unroll
    for (int s = 0; s < Slices; s++) {
        Mask mask = Masks && s < count ? Mask{a.seed[s], a.stream[s], a.threshold[s]} : Mask{};
        keys[s] = mask.key();
        if (mask.threshold != 0) firstElement = mask.first(a.dim);
    }

    float c[Slices][2][4] = {};
    for (int stage = 0; stage < Stages - 1; stage++) {
        if (stage * Columns < a.dim) load_tiles(stage, stage * Columns);
        cp_async_commit();
    }

    for (int first = 0, slot = 0; first < a.dim; first += Columns, slot = (slot + 1) % Stages) {
        cp_async_wait_groups<Stages - 2>();
        __syncthreads(); // this tile is there, and the one before it is free
        int ahead = first + (Stages - 1) * Columns;
        if (ahead < a.dim) load_tiles((slot + Stages - 1) % Stages, ahead);
        cp_async_commit();
        const act* x = x_tile(slot);
        if (a.copies) {
#pragma unroll
            for (int h = 0; h < 2; h++) {
                int row = token8 + h * 32;
                copy_to_rows(a, firstToken + row, first + column8, *(const uint4*)(x + row * Stride + column8));
            }
        }

#pragma unroll
        for (int step = 0; step < 2; step++) {
            int column = half * 32 + step * 16;
            uint32 rows[4];
            ldmatrix_x4(rows, x + (group * 16 + lane % 16) * Stride + column + lane / 16 * 8);
#pragma unroll
            for (int s = 0; s < Slices; s++) {
                if (s >= count) break;
                uint32 kept[4];
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    uint32 token = firstToken + group * 16 + g + i % 2 * 8;
                    uint32 index = firstElement + token * a.dim + first + column + i / 2 * 8 + 2 * t;
                    kept[i] = Masks && a.threshold[s] != 0
                        ? masked({nullptr, 0, a.threshold[s]}, keys[s], index, index + 1, rows[i])
                        : rows[i];
                }

#pragma unroll
                for (int n = 0; n < 2; n++) {
                    const float* factor = a_tile(slot) + (s * SliceRanks + n * 8 + g) * Stride + column + 2 * t;
                    float2 low = *(const float2*)factor, high = *(const float2*)(factor + 8);
                    mma(c[s][n], kept, pack(low.x, low.y), pack(high.x, high.y));
                }
            }
        }
    }

    __syncthreads(); // all tiles are read: their memory takes the sums of both halves
    float* sums = (float*)shared;
    int ranks = count * SliceRanks, stride = ranks + 1;
#pragma unroll
    for (int s = 0; s < Slices; s++) {
        if (s >= count) break;
#pragma unroll
        for (int i = 0; i < 8; i++) {
            int row = half * Tokens + group * 16 + g + i / 2 % 2 * 8;
            sums[row * stride + s * SliceRanks + i / 4 * 8 + 2 * t + i % 2] = c[s][i / 4][i % 4];
        }
    }

    __syncthreads();
    for (int i = threadIdx.x; i < Tokens * ranks; i += blockDim.x) {
        int row = i / ranks, rank = i % ranks;
        store_down(
            a, rank / SliceRanks, firstToken + row, rank % SliceRanks, sums[row * stride + rank] + sums[(Tokens + row) * stride + rank]);
    }
}

extern "C" __global__ void __launch_bounds__(256, 2) low_rank_down_tall(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down_tall<false>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) low_rank_down_tall_masks(const __grid_constant__ LowRankDownArgs a) {
    after_previous_kernel();
    low_rank_down_tall<true>(a);
}
