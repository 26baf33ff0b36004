#pragma once
// What NF4 codes and scales stand for.
#include "common.cuh"

__constant__ float NF4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
    -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
    0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
};

// log2 of the first-level scales that share one of the second level, 256.
constexpr int NESTED_BLOCK_SHIFT = 8;

// A scale under double quantization: code value · s + offset with two roundings, never one: bitsandbytes' bytes.
__device__ __forceinline__ float nested_scale(float code_value, float nested_absmax, float offset) {
    return __fadd_rn(__fmul_rn(code_value, nested_absmax), offset);
}
