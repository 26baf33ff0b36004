#pragma once
// The largest number of a row and its place.
#include "common.cuh"

struct Best {
    float value;
    int index;
};

// The larger value, of equal ones the first.
__device__ __forceinline__ void take(Best& best, float value, int index) {
    if (value > best.value || (value == best.value && index < best.index)) best = {value, index};
}

// NaN ends as infinity does.
__device__ __forceinline__ float comparable(float x) { return x == x ? x : infinity(); }
