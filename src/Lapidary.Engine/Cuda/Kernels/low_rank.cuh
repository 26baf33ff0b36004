#pragma once
// What LoRA's thin products share. A slice is at most 16 of an adapter's ranks: one side of a tensor-core tile.
#include "dropout.cuh"
#include "elements.cuh"

constexpr int MaxSlices = 8, SliceRanks = 16;

// Elements first to first + 8 of a row of dim, as bf16 pairs; zeros behind the row's end. Aligned where dim % 8 == 0.
__device__ __forceinline__ uint4 load8(const bf16* row, int first, int dim, bool aligned) {
    if (aligned) return first < dim ? *(const uint4*)(row + first) : make_uint4(0, 0, 0, 0);
    bf16x8 x = {};
    for (int i = 0; i < 8 && first + i < dim; i++) ((bf16*)&x)[i] = row[first + i];
    return *(uint4*)&x;
}

// The same of fp32, rounded to bf16.
__device__ __forceinline__ uint4 load8(const float* row, int first, int dim, bool aligned) {
    float x[8] = {};
    if (aligned) {
        if (first < dim) load(row + first, x);
    } else {
        for (int i = 0; i < 8 && first + i < dim; i++) x[i] = row[first + i];
    }

    return make_uint4(pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]), pack_bf16(x[4], x[5]), pack_bf16(x[6], x[7]));
}

// A pair of elements, each as the mask has it at its index.
__device__ __forceinline__ uint32 masked(const Mask& mask, uint32 key, int64 low, int64 high, uint32 pair) {
    if (!mask.keeps(key, low)) pair &= 0xffff0000u;
    if (!mask.keeps(key, high)) pair &= 0x0000ffffu;
    return pair;
}
