// Grid: a warp per head of a token, 8 warps to a block. Sums in fp32, in a fixed order.
// x, y, dy, dx act [tokens, heads · headDim], headDim even, at most 256; the _N kernels need headDim / 2 % N == 0 and access 2N bytes at
// once.
#include "elements.cuh"

struct QkNormRopeForwardArgs {
    const act* x;
    const void* weight;
    const float* cos;
    const float* sin;
    act* y;
    float* rstd;
    int64 rows;
    int weightType, headDim, heads;
    float epsilon;
};

// The most runs of N elements that a lane has in half a head.
template <int N>
constexpr int Runs = 128 / (32 * N);

// A lane's part of a head: pairs (i, i + half) of runs of N elements.
template <int N>
struct HeadNorm {
    float w1[Runs<N>][N], w2[Runs<N>][N];

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

    // y may be x. Returns rstd.
    __device__ __forceinline__ float run(const act* x, const float* cos, const float* sin, int half, float epsilon, act* y) const {
        float x1[Runs<N>][N], x2[Runs<N>][N], c[Runs<N>][N], s[Runs<N>][N], squares = 0;
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            int i = threadIdx.x % WARP * N + r * WARP * N;
            if (i >= half) continue;
            load(x + i, x1[r]);
            load(x + half + i, x2[r]);
            load(cos + i, c[r]);
            load(sin + i, s[r]);
            for (int j = 0; j < N; j++) squares += x1[r][j] * x1[r][j] + x2[r][j] * x2[r][j];
        }

        float rstd = 1 / sqrtf(warp_sum(squares) / (2 * half) + epsilon);
#pragma unroll
        for (int r = 0; r < Runs<N>; r++) {
            int i = threadIdx.x % WARP * N + r * WARP * N;
            if (i >= half) continue;
            float y1[N], y2[N];
            for (int j = 0; j < N; j++) {
                float n1 = x1[r][j] * rstd * (1 + w1[r][j]), n2 = x2[r][j] * rstd * (1 + w2[r][j]);
                y1[j] = n1 * c[r][j] - n2 * s[r][j];
                y2[j] = n2 * c[r][j] + n1 * s[r][j];
            }

            store(y + i, y1);
            store(y + half + i, y2);
        }

        return rstd;
    }
};

template <int N>
__device__ __forceinline__ void forward(const QkNormRopeForwardArgs& a) {
    int64 row = blockIdx.x * (int64)(blockDim.x / WARP) + threadIdx.x / WARP;
    if (row >= a.rows) return;
    int half = a.headDim / 2;
    int64 token = row / a.heads;
    HeadNorm<N> norm;
    norm.template load_weights<false>(a.weight, a.weightType, half);
    float rstd = norm.run(a.x + row * a.headDim, a.cos + token * half, a.sin + token * half, half, a.epsilon, a.y + row * a.headDim);
    if (threadIdx.x % WARP == 0) a.rstd[row] = rstd;
}

extern "C" __global__ void qk_norm_rope_forward_1(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<1>(a); }
extern "C" __global__ void qk_norm_rope_forward_2(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<2>(a); }
extern "C" __global__ void qk_norm_rope_forward_4(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<4>(a); }

struct QkvToCacheArgs {
    act* q;               // normed and rotated in place
    const act* k;
    const act* v;
    const void* qWeight;
    const void* kWeight;
    const float* cos;
    const float* sin;
    const int* slots;     // [tokens]; below 0: nothing is stored
    const int* positions; // [tokens]
    act* keys;            // [slots, capacity, kvHeads · headDim]
    act* values;
    int tokens, heads, kvHeads, headDim, capacity, qWeightType, kWeightType;
    float epsilon;
};

// Of a token's warps, the first heads take queries, the next kvHeads keys, the last kvHeads values.
template <int N>
__device__ __forceinline__ void to_cache(const QkvToCacheArgs& a) {
    int warps = a.heads + 2 * a.kvHeads, half = a.headDim / 2;
    int64 warp = blockIdx.x * (int64)(blockDim.x / WARP) + threadIdx.x / WARP, token = warp / warps;
    int head = (int)(warp % warps), kvHead = head < a.heads + a.kvHeads ? head - a.heads : head - a.heads - a.kvHeads;
    bool isQuery = head < a.heads, isValue = head >= a.heads + a.kvHeads;
    HeadNorm<N> norm;
    if (!isValue) norm.template load_weights<true>(isQuery ? a.qWeight : a.kWeight, isQuery ? a.qWeightType : a.kWeightType, half);
    after_previous_kernel();
    let_next_kernel_start();
    if (token >= a.tokens) return;
    if (isQuery) {
        act* q = a.q + (token * a.heads + head) * a.headDim;
        norm.run(q, a.cos + token * half, a.sin + token * half, half, a.epsilon, q);
        return;
    }

    int64 slot = a.slots[token], from = (token * a.kvHeads + kvHead) * a.headDim;
    if (slot < 0) return;
    int64 to = ((slot * a.capacity + a.positions[token] % a.capacity) * a.kvHeads + kvHead) * a.headDim;
    if (!isValue) {
        norm.run(a.k + from, a.cos + token * half, a.sin + token * half, half, a.epsilon, a.keys + to);
        return;
    }

    for (int i = threadIdx.x % WARP; i < half; i += WARP) ((act2*)(a.values + to))[i] = ((const act2*)(a.v + from))[i];
}

extern "C" __global__ void qkv_to_cache_1(QkvToCacheArgs a) { to_cache<1>(a); }
extern "C" __global__ void qkv_to_cache_2(QkvToCacheArgs a) { to_cache<2>(a); }
extern "C" __global__ void qkv_to_cache_4(QkvToCacheArgs a) { to_cache<4>(a); }

struct QkNormRopeBackwardArgs {
    const act* dy;
    const act* x;
    const void* weight;
    const float* cos;
    const float* sin;
    const float* rstd;
    act* dx;
    int64 rows;
    int weightType, headDim, heads;
};

template <int N>
__device__ __forceinline__ void backward(const QkNormRopeBackwardArgs& a) {
    int64 row = blockIdx.x * (int64)(blockDim.x / WARP) + threadIdx.x / WARP;
    if (row >= a.rows) return;
    int half = a.headDim / 2, first = threadIdx.x % WARP * N;
    int64 token = row / a.heads, offset = row * a.headDim;
    float x1[Runs<N>][N], x2[Runs<N>][N], g1[Runs<N>][N], g2[Runs<N>][N], dot = 0;
#pragma unroll
    for (int r = 0; r < Runs<N>; r++) {
        int i = first + r * 32 * N;
        if (i >= half) continue;
        float w1[N], w2[N], cos[N], sin[N], dy1[N], dy2[N];
        load(a.x + offset + i, x1[r]);
        load(a.x + offset + half + i, x2[r]);
        load(a.dy + offset + i, dy1);
        load(a.dy + offset + half + i, dy2);
        load_as(a.weight, a.weightType, i, w1);
        load_as(a.weight, a.weightType, half + i, w2);
        load(a.cos + token * half + i, cos);
        load(a.sin + token * half + i, sin);
        for (int j = 0; j < N; j++) {
            g1[r][j] = (dy1[j] * cos[j] + dy2[j] * sin[j]) * (1 + w1[j]);
            g2[r][j] = (dy2[j] * cos[j] - dy1[j] * sin[j]) * (1 + w2[j]);
            dot += g1[r][j] * x1[r][j] + g2[r][j] * x2[r][j];
        }
    }

    float rstd = a.rstd[row], projection = rstd * rstd * (warp_sum(dot) / a.headDim);
#pragma unroll
    for (int r = 0; r < Runs<N>; r++) {
        int i = first + r * 32 * N;
        if (i >= half) continue;
        for (int j = 0; j < N; j++) {
            g1[r][j] = rstd * (g1[r][j] - x1[r][j] * projection);
            g2[r][j] = rstd * (g2[r][j] - x2[r][j] * projection);
        }

        store(a.dx + offset + i, g1[r]);
        store(a.dx + offset + half + i, g2[r]);
    }
}

extern "C" __global__ void qk_norm_rope_backward_1(QkNormRopeBackwardArgs a) { after_previous_kernel(); backward<1>(a); }
extern "C" __global__ void qk_norm_rope_backward_2(QkNormRopeBackwardArgs a) { after_previous_kernel(); backward<2>(a); }
extern "C" __global__ void qk_norm_rope_backward_4(QkNormRopeBackwardArgs a) { after_previous_kernel(); backward<4>(a); }
