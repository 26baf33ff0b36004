// y = factor_of_b() · xᵀ, fp32: LoRA's B. Grid: x: 32 columns, y: 32 rows; blocks of 32 × 8 threads.
#include "common.cuh"

struct TransposeArgs {
    const float* x; // [rows, columns]
    float* y;       // [columns, rows]
    int rows, columns;
};

constexpr int TILE = 32;

extern "C" __global__ void transpose(TransposeArgs a) {
    after_previous_kernel();
    __shared__ float tile[TILE][TILE + 1];
    int row = blockIdx.y * TILE, column = blockIdx.x * TILE;
    for (int i = threadIdx.y; i < TILE; i += blockDim.y) {
        if (row + i < a.rows && column + threadIdx.x < a.columns)
            tile[i][threadIdx.x] = a.x[(int64)(row + i) * a.columns + column + threadIdx.x] * factor_of_b();
    }

    __syncthreads();
    for (int i = threadIdx.y; i < TILE; i += blockDim.y) {
        if (column + i < a.columns && row + threadIdx.x < a.rows)
            a.y[(int64)(column + i) * a.rows + row + threadIdx.x] = tile[threadIdx.x][i];
    }
}
