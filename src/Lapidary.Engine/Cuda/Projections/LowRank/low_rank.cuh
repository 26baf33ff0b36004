#pragma once
// What LoRA's thin products share. A slice is at most 16 of an adapter's ranks: one side of a tensor-core tile.
#include "dropout.cuh"
#include "elements.cuh"

constexpr int SliceRanks = 16;

// Elements first to first + 8 of a row of dim, as act pairs; zeros behind the row's end. Without a branch where rows are aligned (dim % 8
// == 0), so that many loads are under way at once.
template <bool Aligned>
__device__ __forceinline__ uint4 load8(const act* row, int first, int dim) {
    if constexpr (Aligned) return first < dim ? *(const uint4*)(row + first) : make_uint4(0, 0, 0, 0);
    act8 x = {};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (first + 2 * i < dim) x.pair[i].x = row[first + 2 * i];
        if (first + 2 * i + 1 < dim) x.pair[i].y = row[first + 2 * i + 1];
    }

    return *(uint4*)&x;
}

// The same of fp32.
template <bool Aligned>
__device__ __forceinline__ void load8(const float* row, int first, int dim, float (&x)[8]) {
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
        if constexpr (Aligned) {
            float4 words = first < dim ? *(const float4*)(row + first + i) : make_float4(0, 0, 0, 0);
            x[i] = words.x, x[i + 1] = words.y, x[i + 2] = words.z, x[i + 3] = words.w;
        } else {
            for (int j = i; j < i + 4; j++) x[j] = first + j < dim ? row[first + j] : 0;
        }
    }
}

// A pair of elements, each as the mask has it at its index.
__device__ __forceinline__ uint32 masked(const Mask& mask, uint32 key, uint32 low, uint32 high, uint32 pair) {
    if (!mask.keeps(key, low)) pair &= 0xffff0000u;
    if (!mask.keeps(key, high)) pair &= 0x0000ffffu;
    return pair;
}

// 8 elements to shared memory, or the first `count` and zeros, or zeros alone where not valid. Where rows are aligned it is all 8, and
// nothing waits (cp_async_commit ends a group).
template <bool Aligned>
__device__ __forceinline__ void fetch8(act* to, const act* from, bool valid, int count) {
    if constexpr (Aligned) cp_async16(to, from, valid);
    else {
        for (int i = 0; i < 8; i++) to[i] = valid && i < count ? from[i] : act{0};
    }
}
