#pragma once
// NF4 as bitsandbytes decodes it: code value · absmax, rounded to fp32.
#include "elements.cuh"

struct Nf4Matrix {
    const uint8* codes;          // two to a byte, the even element in the high nibble
    const void* absmax;          // fp32 [blocks], or 8-bit codes of scales where nestedAbsmax is not null
    const float* nestedAbsmax;   // [blocks / 256], or null
    const float* nestedCode;     // [256]
    int64 count;
    int blockSize;               // a multiple of 32
    float offset;
};

// log2 of the first-level scales that share one of the second level, 256.
constexpr int NESTED_BLOCK_SHIFT = 8;

__constant__ float NF4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
    -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
    0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
};

// Into shared memory, because the lanes of a warp look up different entries. Called by all threads of a block.
__device__ __forceinline__ void load_nf4_table(float* table) {
    if (threadIdx.x < 16) table[threadIdx.x] = NF4[threadIdx.x];
    __syncthreads();
}

// A scale under double quantization: code value · s + offset with two roundings, never one: bitsandbytes' bytes.
__device__ __forceinline__ float nested_scale(float code_value, float nested_absmax, float offset) {
    return __fadd_rn(__fmul_rn(code_value, nested_absmax), offset);
}

__device__ __forceinline__ float scale_of(const Nf4Matrix& w, int64 block) {
    if (w.nestedAbsmax == nullptr) return ((const float*)w.absmax)[block];
    float code = w.nestedCode[((const uint8*)w.absmax)[block]];
    return nested_scale(code, w.nestedAbsmax[block >> NESTED_BLOCK_SHIFT], w.offset);
}

__device__ __forceinline__ float decode(const Nf4Matrix& w, const float* table, int64 i) {
    int code = w.codes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
    return table[code] * scale_of(w, i / w.blockSize);
}

// Elements first to first + 8, which share a block because first is a multiple of 8.
__device__ __forceinline__ void decode8(const Nf4Matrix& w, const float* table, int64 first, float (&x)[8]) {
    float scale = scale_of(w, first / w.blockSize);
    uint32 codes = *(const uint32*)(w.codes + first / 2);
    for (int j = 0; j < 8; j++) x[j] = table[codes >> (j / 2 * 8 + (j % 2 == 0 ? 4 : 0)) & 15] * scale;
}
