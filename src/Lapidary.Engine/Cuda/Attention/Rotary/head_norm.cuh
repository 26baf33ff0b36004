#pragma once
// The norm of one head of a token's queries or keys, then its rotation: by one warp. Sums in fp32, in a fixed order that N decides.
#include "elements.cuh"

// The most runs of N elements that a lane has in half a head.
template <int N>
constexpr int Runs = 128 / (32 * N);

// N elements whose load stays where it is written.
template <int N>
struct Loaded {
    uint32 words[N / 2];

    __device__ __forceinline__ void load(const act* source) {
        if constexpr (N == 4) {
            uint2 x;
            load_if(true, source, x);
            words[0] = x.x, words[1] = x.y;
        } else load_if(true, source, words[0]);
    }

    __device__ __forceinline__ void get(float (&x)[N]) const {
#pragma unroll
        for (int i = 0; i < N / 2; i++) unpack<act>(words[i], x[2 * i], x[2 * i + 1]);
    }
};

template <>
struct Loaded<1> {
    act x;

    __device__ __forceinline__ void load(const act* source) { x = *source; }
    __device__ __forceinline__ void get(float (&y)[1]) const { y[0] = to_float(x); }
};

template <int N>
__device__ __forceinline__ void load_here(const float* source, float (&x)[N]) {
    if constexpr (N == 4) {
        uint4 words;
        load_if(true, source, words);
        x[0] = __uint_as_float(words.x), x[1] = __uint_as_float(words.y), x[2] = __uint_as_float(words.z), x[3] = __uint_as_float(words.w);
    } else load(source, x);
}

// A lane's part of a head: pairs (i, i + half) of runs of N elements. Accesses are of N elements; half % N == 0.
template <int N>
struct HeadNorm {
    float w1[Runs<N>][N], w2[Runs<N>][N], c[Runs<N>][N], s[Runs<N>][N];
    Loaded<N> x1[Runs<N>], x2[Runs<N>]; // as they lie in memory: other loads can begin before these have arrived

    template <bool BeforeWait>
    __device__ __forceinline__ void load_weights(const void* weight, int type, int half) {
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            int i = threadIdx.x % WARP * N + r * WARP * N;
            if (i >= half) continue;
            if constexpr (BeforeWait) {
                load_weight_as(weight, type, i, w1[r]);
                load_weight_as(weight, type, half + i, w2[r]);
            } else {
                load_as(weight, type, i, w1[r]);
                load_as(weight, type, half + i, w2[r]);
            }
        }
    }

    __device__ __forceinline__ void load_head(const act* x, const float* cos, const float* sin, int half) {
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            int i = threadIdx.x % WARP * N + r * WARP * N;
            if (i >= half) continue;
            x1[r].load(x + i);
            x2[r].load(x + half + i);
            load_here(cos + i, c[r]);
            load_here(sin + i, s[r]);
        }
    }

    // y may be the x of load_head. Returns rstd.
    __device__ __forceinline__ float finish(int half, float epsilon, act* y) const {
        float squares = 0;
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            if (threadIdx.x % WARP * N + r * WARP * N >= half) continue;
            float a[N], b[N];
            x1[r].get(a);
            x2[r].get(b);
            for (int j = 0; j < N; j++) squares += a[j] * a[j] + b[j] * b[j];
        }

        float rstd = 1 / sqrtf(warp_sum(squares) / (2 * half) + epsilon);
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            int i = threadIdx.x % WARP * N + r * WARP * N;
            if (i >= half) continue;
            float a[N], b[N], y1[N], y2[N];
            x1[r].get(a);
            x2[r].get(b);
            for (int j = 0; j < N; j++) {
                float n1 = a[j] * rstd * (1 + w1[r][j]), n2 = b[j] * rstd * (1 + w2[r][j]);
                y1[j] = n1 * c[r][j] - n2 * s[r][j];
                y2[j] = n2 * c[r][j] + n1 * s[r][j];
            }

            store(y + i, y1);
            store(y + half + i, y2);
        }

        return rstd;
    }
};
