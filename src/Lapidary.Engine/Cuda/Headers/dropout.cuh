#pragma once
#include "common.cuh"

// A mask of Ops/Dropout.cs, none where threshold is 0.
struct Mask {
    const int64* seed; // [2]: the step's seed, and the place of the run's first token among the tokens of the step
    int stream;
    uint32 threshold; // an element is kept where its hash is at least this

    __device__ __forceinline__ uint32 key() const { return threshold == 0 ? 0 : dropout_key(*seed, stream); }
    // Index of the first element of rows of dim, to which the others' are added. The low 32 bits of an index are all that counts.
    __device__ __forceinline__ uint32 first(int dim) const { return threshold == 0 ? 0 : (uint32)seed[1] * (uint32)dim; }
    __device__ __forceinline__ bool keeps(uint32 key, uint32 index) const { return dropout_mix(index ^ key) >= threshold; }
};
