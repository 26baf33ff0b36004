#pragma once
// The largest of each 16 outputs that a warp of project_squares.cuh has, for each of 128 rows of x.
#include "square_stages.cuh"

// The larger of two; not a number if one of them is none.
__device__ __forceinline__ float larger(float x, float y) {
    float z;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
    return z;
}

// Lanes that differ by Bit exchange half of the numbers, and each keeps the larger ones of its half: the later half where its bit is set.
template <int Bit, int Count>
__device__ __forceinline__ void keep_half(float (&x)[32]) {
    bool later = (threadIdx.x & Bit) != 0;
#pragma unroll
    for (int i = 0; i < Count / 2; i++) {
        float other = __shfl_xor_sync(FULL_MASK, later ? x[i] : x[i + Count / 2], Bit);
        x[i] = larger(later ? x[i + Count / 2] : x[i], other);
    }
}

// Stores them: a.largest[outputs / 16, gridDim.x · 128].
__device__ __forceinline__ void store_largest(const ProjectRowsArgs& a, int firstOut, const float (&total)[SquareTiles][4]) {
    int block = firstOut / 16 + threadIdx.x / WARP;
    if (16 * block >= a.outDim[0]) return;
    float x[2 * SquareTiles]; // two rows of each 8
#pragma unroll
    for (int i = 0; i < 2 * SquareTiles; i++) x[i] = larger(total[i / 2][i % 2], total[i / 2][i % 2 + 2]);
    keep_half<16, 32>(x);
    keep_half<8, 16>(x);
    keep_half<4, 8>(x);
    int group = threadIdx.x % WARP / 4, quad = threadIdx.x % 4;
    float* to = a.largest + ((int64)block * gridDim.x + blockIdx.x) * SquareRows + 16 * group + 2 * quad;
    *(float2*)to = make_float2(x[0], x[1]);
    *(float2*)(to + 8) = make_float2(x[2], x[3]);
}
