#pragma once
// Loads and stores of N consecutive elements as fp32.
#include "ptx.cuh"

// N elements of 16 bits, aligned to 2N bytes.
template <int N, typename T>
__device__ __forceinline__ void load_short(const T* source, float (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4 || N == 8, "at most 16 bytes");
    if constexpr (N == 8) {
        uint4 words = *(const uint4*)source;
        unpack<T>(words.x, x[0], x[1]);
        unpack<T>(words.y, x[2], x[3]);
        unpack<T>(words.z, x[4], x[5]);
        unpack<T>(words.w, x[6], x[7]);
    } else if constexpr (N == 4) {
        uint2 words = *(const uint2*)source;
        unpack<T>(words.x, x[0], x[1]);
        unpack<T>(words.y, x[2], x[3]);
    } else if constexpr (N == 2) unpack<T>(*(const uint32*)source, x[0], x[1]);
    else x[0] = to_float(*source);
}

template <int N>
__device__ __forceinline__ void load(const bf16* source, float (&x)[N]) {
    load_short(source, x);
}

template <int N>
__device__ __forceinline__ void load(const half* source, float (&x)[N]) {
    load_short(source, x);
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

template <int N, typename T>
__device__ __forceinline__ void store_short(T* target, const float (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4 || N == 8, "at most 16 bytes");
    if constexpr (N == 8) {
        *(uint4*)target = make_uint4(
            pack_as<T>(x[0], x[1]), pack_as<T>(x[2], x[3]), pack_as<T>(x[4], x[5]), pack_as<T>(x[6], x[7]));
    } else if constexpr (N == 4) *(uint2*)target = make_uint2(pack_as<T>(x[0], x[1]), pack_as<T>(x[2], x[3]));
    else if constexpr (N == 2) *(uint32*)target = pack_as<T>(x[0], x[1]);
    else store(target, x[0]);
}

template <int N>
__device__ __forceinline__ void store(bf16* target, const float (&x)[N]) {
    store_short(target, x);
}

template <int N>
__device__ __forceinline__ void store(half* target, const float (&x)[N]) {
    store_short(target, x);
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
