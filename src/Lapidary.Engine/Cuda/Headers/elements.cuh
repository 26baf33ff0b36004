#pragma once
// Loads and stores of N consecutive elements as fp32.
#include "ptx.cuh"

// The two bf16 of a word, the low half first.
__device__ __forceinline__ void unpack_bf16(uint32 word, float& low, float& high) {
    low = __uint_as_float(word << 16);
    high = __uint_as_float(word & 0xffff0000u);
}

// N bf16, aligned to 2N bytes.
template <int N>
__device__ __forceinline__ void load(const bf16* source, float (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4 || N == 8, "at most 16 bytes");
    if constexpr (N == 8) {
        uint4 words = *(const uint4*)source;
        unpack_bf16(words.x, x[0], x[1]);
        unpack_bf16(words.y, x[2], x[3]);
        unpack_bf16(words.z, x[4], x[5]);
        unpack_bf16(words.w, x[6], x[7]);
    } else if constexpr (N == 4) {
        uint2 words = *(const uint2*)source;
        unpack_bf16(words.x, x[0], x[1]);
        unpack_bf16(words.y, x[2], x[3]);
    } else if constexpr (N == 2) unpack_bf16(*(const uint32*)source, x[0], x[1]);
    else x[0] = to_float(*source);
}

// N floats, aligned to min(4N, 16) bytes.
template <int N>
__device__ __forceinline__ void load(const float* source, float (&x)[N]) {
    if constexpr (N % 4 == 0) {
        for (int i = 0; i < N; i += 4) {
            float4 words = *(const float4*)(source + i);
            x[i] = words.x, x[i + 1] = words.y, x[i + 2] = words.z, x[i + 3] = words.w;
        }
    } else if constexpr (N == 2) {
        float2 words = *(const float2*)source;
        x[0] = words.x, x[1] = words.y;
    } else x[0] = *source;
}

template <int N>
__device__ __forceinline__ void store(bf16* target, const float (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4 || N == 8, "at most 16 bytes");
    if constexpr (N == 8)
        *(uint4*)target = make_uint4(pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]), pack_bf16(x[4], x[5]), pack_bf16(x[6], x[7]));
    else if constexpr (N == 4) *(uint2*)target = make_uint2(pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]));
    else if constexpr (N == 2) *(uint32*)target = pack_bf16(x[0], x[1]);
    else *target = to_bf16(x[0]);
}

template <int N>
__device__ __forceinline__ void store(float* target, const float (&x)[N]) {
    if constexpr (N % 4 == 0) {
        for (int i = 0; i < N; i += 4) *(float4*)(target + i) = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    } else {
        for (int i = 0; i < N; i++) target[i] = x[i];
    }
}

// load_as of a weight, which may stand before after_previous_kernel().
template <int N>
__device__ __forceinline__ void load_weight_as(const void* source, int type, int64 first, float (&x)[N]) {
    if (type == FLOAT32) {
        const float* from = (const float*)source + first;
#pragma unroll
        for (int i = 0; i < N; i++) load_weight(from + i, x[i]);
        return;
    }

    const bf16* from = (const bf16*)source + first; // 16 bits, of either type
    uint16 bits[N];
    if constexpr (N == 8) {
        uint4 words;
        load_weight(from, words);
        *(uint4*)bits = words;
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) load_weight((const uint16*)from + i, bits[i]);
    }

#pragma unroll
    for (int i = 0; i < N; i++) x[i] = type == BFLOAT16 ? to_float(bf16{bits[i]}) : to_float(half{bits[i]});
}

// Elements first to first + N of an array of any real type.
template <int N>
__device__ __forceinline__ void load_as(const void* source, int type, int64 first, float (&x)[N]) {
    if (type == BFLOAT16) load((const bf16*)source + first, x);
    else if (type == FLOAT32) load((const float*)source + first, x);
    else {
        for (int i = 0; i < N; i++) x[i] = to_float(((const half*)source)[first + i]);
    }
}
