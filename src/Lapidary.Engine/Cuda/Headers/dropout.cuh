#pragma once
#include "common.cuh"

// A mask of Ops/Dropout.cs, none where threshold is 0.
struct Mask {
    const int64* seed; // [1]
    int stream;
    uint32 threshold; // an element is kept where its hash is at least this

    __device__ __forceinline__ uint32 key() const { return threshold == 0 ? 0 : dropout_key(*seed, stream); }
    __device__ __forceinline__ bool keeps(uint32 key, int64 index) const { return dropout_mix((uint32)index ^ key) >= threshold; }
};
