#pragma once
#include "ptx.cuh"

// 1 / x for 1 ≤ x ≤ 2, correctly rounded: what the compiler makes of the division, without its branch for other x.
__device__ __forceinline__ float reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return fmaf(y, -fmaf(x, y, -1), y);
}

// gelu_tanh(g) = g · σ(z) with z = 2·√(2/π)·(g + 0.044715·g³), since ½·(1 + tanh(z/2)) = σ(z): one exponential, and no cancellation
// where tanh is near −1. Gives σ(z) and its derivative dσ/dg = σ(z)·σ(−z)·dz/dg.
__device__ __forceinline__ float gelu_sigmoid(float g, float& slope) {
    constexpr float Linear = 1.59576912f, Cubic = Linear * 0.044715f, Log2E = 1.44269504f;
    float square = g * g, z = g * (square * Cubic + Linear);
    float e = exp2_approx(-fabsf(z) * Log2E); // cannot overflow
    float large = reciprocal(1 + e), small = e * large; // σ(|z|) and σ(−|z|)
    slope = large * small * (square * (3 * Cubic) + Linear);
    return z < 0 ? small : large;
}
