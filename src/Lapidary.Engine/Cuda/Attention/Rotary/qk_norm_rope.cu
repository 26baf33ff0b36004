// Grid: a warp per head of a token, 8 warps to a block. Sums in fp32, in a fixed order.
// x, y, dy, dx act [tokens, heads · headDim], headDim even, at most 256; the _N kernels need headDim / 2 % N == 0 and access 2N bytes at
// once.
#include "head_norm.cuh"

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

template <int N>
__device__ __forceinline__ void forward(const QkNormRopeForwardArgs& a) {
    int64 row = blockIdx.x * (int64)(blockDim.x / WARP) + threadIdx.x / WARP;
    if (row >= a.rows) return;
    int half = a.headDim / 2;
    int64 token = row / a.heads;
    HeadNorm<N> norm;
    norm.template load_weights<false>(a.weight, a.weightType, half);
    norm.load_head(a.x + row * a.headDim, a.cos + token * half, a.sin + token * half, half);
    float rstd = norm.finish(half, a.epsilon, a.y + row * a.headDim);
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
        norm.load_head(q, a.cos + token * half, a.sin + token * half, half);
        norm.finish(half, a.epsilon, q);
        return;
    }

    int64 slot = a.slots[token], from = (token * a.kvHeads + kvHead) * a.headDim;
    if (slot < 0) return;
    int64 to = ((slot * a.capacity + a.positions[token] % a.capacity) * a.kvHeads + kvHead) * a.headDim;
    if (!isValue) {
        norm.load_head(a.k + from, a.cos + token * half, a.sin + token * half, half);
        norm.finish(half, a.epsilon, a.keys + to);
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
