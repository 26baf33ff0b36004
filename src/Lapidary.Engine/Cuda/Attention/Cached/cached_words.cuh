#pragma once
// Accesses to entries of the cache and to results: of any even number of elements, or 16 bytes at once.
#include "elements.cuh"

// 2N elements, of which count lie in memory; the others are 0. Early: no kernel of this step has written them, see load_weight.
template <bool Wide, bool Early = false, int N>
__device__ __forceinline__ void load_words(const act* source, int count, uint32 (&words)[N]) {
    static_assert(!Early || (Wide && N == 4), "of these alone");
    if constexpr (!Wide) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            words[i] = 0;
            load_if(2 * i < count, source + 2 * i, words[i]);
        }
    } else if constexpr (N == 4) {
        uint4 x = {};
        if constexpr (Early) load_weight_if(count > 0, source, x);
        else load_if(count > 0, source, x);
        words[0] = x.x, words[1] = x.y, words[2] = x.z, words[3] = x.w;
    } else if constexpr (N == 2) {
        uint2 x = {};
        load_if(count > 0, source, x);
        words[0] = x.x, words[1] = x.y;
    } else {
        words[0] = 0;
        load_if(count > 0, source, words[0]);
    }
}

// 2N results.
template <bool Wide, int N>
__device__ __forceinline__ void store_words(act* target, int count, const float (&x)[2 * N]) {
    if constexpr (Wide) {
        if (count > 0) store(target, x);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) {
            if (2 * i < count) ((uint32*)target)[i] = pack(x[2 * i], x[2 * i + 1]);
        }
    }
}
