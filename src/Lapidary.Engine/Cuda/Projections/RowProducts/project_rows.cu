// y = x · Wᵀ of up to three weights that read the same few rows, on tensor cores. A row's bits depend neither on the number of rows nor
// on the other rows: the sums of an element have one order, which the weight's shape alone decides.
// Grid: x: tiles of 16 (wide: 32) rows of the weights, one weight after the other; y: groups of 8 (few) or 64 rows of x. The warps of a
// block share the columns: warp i takes every blockDim / 32-th step of 4 runs, and the warps' sums are added in the warps' order. At least
// as many steps as warps, at most 16 warps (wide: 10). x bf16, y bf16 or fp32; addresses aligned to 16 where dim is.
#include "project_rows.cuh"

// The weight is the product's left factor: 16 of its rows and 16 columns to an mma, for 8 rows of x. Columns may come in any order that
// both factors share: lane t of a quad holds a whole run of neighbours, of which an mma takes four.

constexpr int MaxWarps = 16, ManyTiles = 8;

// 8 elements of a row of x, zeros behind its end.
template <bool Aligned>
__device__ __forceinline__ void load_x(const bf16* x, int column, int dim, Piece& words) {
#pragma unroll
    for (int j = 0; j < 4; j++) words[j] = 0;
    if (column >= dim) return;
    if constexpr (Aligned) {
        uint4 all = *(const uint4*)(x + column);
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
    } else {
#pragma unroll
        for (int j = 0; j < 8; j++) {
            if (column + j < dim) words[j / 2] |= (uint32)x[column + j].bits << (j % 2 * 16);
        }
    }
}

template <typename W, int Depth, int MTiles, int NTiles>
__device__ __forceinline__ void project(const W& weight, const ProjectRowsArgs& a, int which, int tile) {
    constexpr int TileRows = 16 * MTiles, Step = 4 * W::Run, Stride = TileRows + 4; // no two lanes of a store in one bank
    __shared__ float partial[MaxWarps][8 * Stride];
    int warps = blockDim.x / WARP, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4;
    int steps = (a.dim + Step - 1) / Step, outDim = a.outDim[which], firstOut = tile * TileRows;
    int firstRow = blockIdx.y * NTiles * 8, rows = min(a.rows - firstRow, NTiles * 8);
    const bf16* x = a.x + (int64)(firstRow + group) * a.dim;
    float sum[MTiles][NTiles][4] = {};
    for (int step = warp; step < steps; step += Depth * warps) { // the same for a whole warp
        typename W::Fetched run[Depth][2 * MTiles];
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            int column = (step + d * warps) * Step + quad * W::Run;
            if (step + d * warps >= steps) continue;
#pragma unroll
            for (int r = 0; r < 2 * MTiles; r++) weight.fetch(min(firstOut + 8 * r + group, outDim - 1), column, a.dim, run[d][r]);
        }

        if (step == warp) { // once, by all warps: each has a step
            weight.prepare();
            __syncthreads();
        }

#pragma unroll
        for (int d = 0; d < Depth; d++) {
            if (step + d * warps >= steps) continue;
            int column = (step + d * warps) * Step + quad * W::Run;
#pragma unroll(NTiles == 1 ? 4 : 1) // many tiles have enough loads of x under way, and need the registers
            for (int piece = 0; piece < W::Run / 8; piece++) {
                Piece w[2 * MTiles];
#pragma unroll
                for (int r = 0; r < 2 * MTiles; r++) weight.decode(run[d][r], piece, w[r]);
#pragma unroll
                for (int n = 0; n < NTiles; n++) {
                    if (8 * n >= rows) continue;
                    Piece words = {};
                    if (8 * n + group < rows) load_x<W::Aligned>(x + (int64)8 * n * a.dim, column + 8 * piece, a.dim, words);
#pragma unroll
                    for (int m = 0; m < MTiles; m++) {
                        const Piece &top = w[2 * m], &bottom = w[2 * m + 1];
                        mma_bf16(sum[m][n], {top[0], bottom[0], top[1], bottom[1]}, words[0], words[1]);
                        mma_bf16(sum[m][n], {top[2], bottom[2], top[3], bottom[3]}, words[2], words[3]);
                    }
                }
            }
        }
    }

#pragma unroll
    for (int n = 0; n < NTiles; n++) {
        if (8 * n >= rows) continue;
        if (n > 0) __syncthreads();
#pragma unroll
        for (int m = 0; m < MTiles; m++) {
#pragma unroll
            for (int i = 0; i < 4; i++)
                partial[warp][(2 * quad + i % 2) * Stride + 16 * m + 8 * (i / 2) + group] = sum[m][n][i];
        }

        __syncthreads();
        for (int e = threadIdx.x; e < 8 * TileRows; e += blockDim.x) {
            int row = 8 * n + e / TileRows, out = firstOut + e % TileRows;
            if (row >= rows || out >= outDim) continue;
            float total = 0;
            for (int i = 0; i < warps; i++) total += partial[i][e / TileRows * Stride + e % TileRows];
            int64 to = (int64)(firstRow + row) * outDim + out;
            if (a.yType[which] == FLOAT32) store((float*)a.y[which] + to, total);
            else store((bf16*)a.y[which] + to, total);
        }
    }
}

// The weight of a block, and its tile in it.
struct BlockTile {
    int which, tile;

    __device__ __forceinline__ BlockTile(const ProjectRowsArgs& a) {
        int block = blockIdx.x;
        which = block < a.tileEnd[0] ? 0 : block < a.tileEnd[1] ? 1 : 2;
        tile = which == 0 ? block : block - a.tileEnd[which - 1];
    }
};

template <bool Nested, int Depth, int MTiles, int NTiles>
__device__ __forceinline__ void project_nf4(const ProjectRowsArgs& a) {
    __shared__ float values[16][WARP];
    __shared__ float scaleValues[Nested ? 256 : 1];
    BlockTile at(a);
    project<Nf4Rows<Nested>, Depth, MTiles, NTiles>(Nf4Rows<Nested>(a, at.which, values, scaleValues), a, at.which, at.tile);
}

template <typename W, int Depth, int MTiles, int NTiles>
__device__ __forceinline__ void project_dense(const ProjectRowsArgs& a) {
    BlockTile at(a);
    project<W, Depth, MTiles, NTiles>(W(a, at.which), a, at.which, at.tile);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_few(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<false, 2, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<false, 2, 1, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(320) project_rows_nf4_wide(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<false, 1, 2, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_nested_few(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<true, 2, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_nested(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<true, 2, 1, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(320) project_rows_nf4_nested_wide(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_nf4<true, 1, 2, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_bf16_few(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<DenseRows<bf16>, 2, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_bf16(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<DenseRows<bf16>, 2, 1, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(320) project_rows_bf16_wide(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<DenseRows<bf16>, 1, 2, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_fp16(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<DenseRows<half>, 1, 1, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_fp32(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<DenseRows<float>, 1, 1, ManyTiles>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_any(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_dense<AnyRows, 1, 1, ManyTiles>(a);
}
