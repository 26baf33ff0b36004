// Grid: a warp per head of a token, 8 warps to a block. Sums in fp32, in a fixed order.
// x, y, dy, dx bf16 [tokens, heads · headDim], headDim even, at most 256; the _N kernels need headDim / 2 % N == 0 and access 2N bytes at
// once.
#include "elements.cuh"

struct QkNormRopeForwardArgs {
    const bf16* x;
    const void* weight;
    const float* cos;
    const float* sin;
    bf16* y;
    float* rstd;
    int64 rows;
    int weightType, headDim, heads;
    float epsilon;
};

// The most runs of N elements that a lane has in half a head.
template <int N>
constexpr int Runs = 128 / (32 * N);

template <int N>
__device__ __forceinline__ void forward(const QkNormRopeForwardArgs& a) {
    int64 row = blockIdx.x * (int64)(blockDim.x / WARP) + threadIdx.x / WARP;
    if (row >= a.rows) return;
    int half = a.headDim / 2, first = threadIdx.x % WARP * N;
    const bf16* x = a.x + row * a.headDim;
    float x1[Runs<N>][N], x2[Runs<N>][N], squares = 0;
#pragma unroll
    for (int r = 0; r < Runs<N>; r++) {
        int i = first + r * 32 * N;
        if (i >= half) continue;
        load(x + i, x1[r]);
        load(x + half + i, x2[r]);
        for (int j = 0; j < N; j++) squares += x1[r][j] * x1[r][j] + x2[r][j] * x2[r][j];
    }

    float rstd = 1 / sqrtf(warp_sum(squares) / a.headDim + a.epsilon);
    if (threadIdx.x % WARP == 0) a.rstd[row] = rstd;
    int64 token = row / a.heads;
#pragma unroll
    for (int r = 0; r < Runs<N>; r++) {
        int i = first + r * 32 * N;
        if (i >= half) continue;
        float w1[N], w2[N], cos[N], sin[N], y1[N], y2[N];
        load_as(a.weight, a.weightType, i, w1);
        load_as(a.weight, a.weightType, half + i, w2);
        load(a.cos + token * half + i, cos);
        load(a.sin + token * half + i, sin);
        for (int j = 0; j < N; j++) {
            float n1 = x1[r][j] * rstd * (1 + w1[j]), n2 = x2[r][j] * rstd * (1 + w2[j]);
            y1[j] = n1 * cos[j] - n2 * sin[j];
            y2[j] = n2 * cos[j] + n1 * sin[j];
        }

        store(a.y + row * a.headDim + i, y1);
        store(a.y + row * a.headDim + half + i, y2);
    }
}

extern "C" __global__ void qk_norm_rope_forward_1(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<1>(a); }
extern "C" __global__ void qk_norm_rope_forward_2(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<2>(a); }
extern "C" __global__ void qk_norm_rope_forward_4(QkNormRopeForwardArgs a) { after_previous_kernel(); forward<4>(a); }

struct QkNormRopeBackwardArgs {
    const bf16* dy;
    const bf16* x;
    const void* weight;
    const float* cos;
    const float* sin;
    const float* rstd;
    bf16* dx;
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
