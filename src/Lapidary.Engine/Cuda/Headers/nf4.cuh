#pragma once
// NF4 as bitsandbytes decodes it: code value · absmax, rounded to fp32.
#include "elements.cuh"

struct Nf4Matrix {
    const uint8* codes;          // two to a byte, the even element in the high nibble
    const void* absmax;          // fp32 [blocks], or 8-bit codes of scales where nestedAbsmax is not null
    const float* nestedAbsmax;   // [blocks / 256], or null
    const float* nestedCode;     // [256]
    int64 count;
    int blockShift;              // log2 of the elements that share a scale, at least 5; blocks run over the whole matrix
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

// A scale under double quantization: code value · s + offset with two roundings, never one: bitsandbytes' bytes.
__device__ __forceinline__ float nested_scale(float code_value, float nested_absmax, float offset) {
    return __fadd_rn(__fmul_rn(code_value, nested_absmax), offset);
}

// What the lanes of a warp look up at different entries, hence in shared memory.
struct Nf4Tables {
    float values[16];
    float scales[256];

    // Called by all threads of a block, 256 or more.
    __device__ __forceinline__ void fill(const Nf4Matrix& w) {
        if (threadIdx.x < 16) values[threadIdx.x] = NF4[threadIdx.x];
        if (w.nestedAbsmax != nullptr && threadIdx.x < 256) scales[threadIdx.x] = w.nestedCode[threadIdx.x];
        __syncthreads();
    }
};

// 8 neighbours as they lie in memory, so that several can be on their way before the first is decoded.
struct Nf4Run {
    uint32 codes;
    float absmax; // of the scale's block under double quantization
    uint8 scaleCode;

    // Elements first to first + 8, which share a scale because first is a multiple of 8.
    __device__ __forceinline__ void fetch(const Nf4Matrix& w, int64 first) {
        int64 block = first >> w.blockShift;
        load_once(w.codes + (first >> 1), codes);
        if (w.nestedAbsmax == nullptr) absmax = ((const float*)w.absmax)[block];
        else {
            scaleCode = ((const uint8*)w.absmax)[block];
            absmax = w.nestedAbsmax[block >> NESTED_BLOCK_SHIFT];
        }
    }

    __device__ __forceinline__ void decode(const Nf4Matrix& w, const Nf4Tables& tables, float (&x)[8]) const {
        float scale = w.nestedAbsmax == nullptr ? absmax : nested_scale(tables.scales[scaleCode], absmax, w.offset);
#pragma unroll
        for (int j = 0; j < 8; j++) x[j] = tables.values[codes >> (j % 2 == 0 ? 4 * j + 4 : 4 * j - 4) & 15] * scale;
    }
};

// Any element, for the ends of arrays and for rows that are no multiple of 8.
__device__ __forceinline__ float decode(const Nf4Matrix& w, const Nf4Tables& tables, int64 i) {
    int64 block = i >> w.blockShift;
    float scale = w.nestedAbsmax == nullptr ? ((const float*)w.absmax)[block]
        : nested_scale(tables.scales[((const uint8*)w.absmax)[block]], w.nestedAbsmax[block >> NESTED_BLOCK_SHIFT], w.offset);
    return tables.values[w.codes[i >> 1] >> (i % 2 == 0 ? 4 : 0) & 15] * scale;
}
