// Gradients of norms' weights: sums over rows in two stages, in fp32 and in a fixed order.
// Grid: partial sums: a block per 32 rows and tile of columns, a thread per N columns; join: 1,024 threads per 32 columns.
// x, dy [rows, dim] or [tokens, heads · headDim]: of a head's norm act; of the others x wide and dy as in rms_norm.cu. The _2 kernels
// access two elements at once and need dim % 2 == 0 or headDim % 4 == 0.
#include "elements.cuh"

constexpr int BlockRows = 32;

struct RmsNormWeightArgs {
    const void* dy;
    const wide* x;
    const float* rstd;
    float* partials; // [blocks of rows, dim]
    int rows, dim, post;
};

template <int N, typename TDy>
__device__ __forceinline__ void rms_norm_weight(const RmsNormWeightArgs& a) {
    const TDy* dys = (const TDy*)a.dy;
    int column = (blockIdx.y * blockDim.x + threadIdx.x) * N;
    if (column >= a.dim) return;
    int first = blockIdx.x * BlockRows, last = min(a.rows, first + BlockRows);
    float sums[N] = {};
#pragma unroll 8
    for (int row = first; row < last; row++) {
        int64 offset = (int64)row * a.dim + column;
        float x[N], dy[N], rstd = a.rstd[row];
        load(a.x + offset, x);
        load(dys + offset, dy);
        for (int j = 0; j < N; j++) sums[j] += dy[j] * (x[j] * rstd);
    }

    store(a.partials + (int64)blockIdx.x * a.dim + column, sums);
}

template <int N>
__device__ __forceinline__ void rms_norm_weight_any(const RmsNormWeightArgs& a) {
    if (IsWide && a.post) rms_norm_weight<N, wide>(a);
    else rms_norm_weight<N, act>(a);
}

extern "C" __global__ void __launch_bounds__(128) rms_norm_weight_1(RmsNormWeightArgs a) {
    after_previous_kernel();
    rms_norm_weight_any<1>(a);
}

extern "C" __global__ void __launch_bounds__(128) rms_norm_weight_2(RmsNormWeightArgs a) {
    after_previous_kernel();
    rms_norm_weight_any<2>(a);
}

struct QkNormWeightArgs {
    const act* dy;
    const act* x;
    const float* cos;
    const float* sin;
    const float* rstd;
    float* partials; // [blocks of rows, headDim]
    int rows, headDim, heads;
};

// Rows are the heads of all tokens; a thread takes the pairs (i, i + half).
template <int N>
__device__ __forceinline__ void qk_norm_weight(const QkNormWeightArgs& a) {
    int half = a.headDim / 2, i = threadIdx.x * N;
    if (i >= half) return;
    int first = blockIdx.x * BlockRows, last = min(a.rows, first + BlockRows);
    float sums1[N] = {}, sums2[N] = {};
#pragma unroll 4
    for (int row = first; row < last; row++) {
        int64 offset = (int64)row * a.headDim + i, angle = (int64)(row / a.heads) * half + i;
        float x1[N], x2[N], dy1[N], dy2[N], cos[N], sin[N], rstd = a.rstd[row];
        load(a.x + offset, x1);
        load(a.x + offset + half, x2);
        load(a.dy + offset, dy1);
        load(a.dy + offset + half, dy2);
        load(a.cos + angle, cos);
        load(a.sin + angle, sin);
        for (int j = 0; j < N; j++) {
            sums1[j] += (dy1[j] * cos[j] + dy2[j] * sin[j]) * (x1[j] * rstd);
            sums2[j] += (dy2[j] * cos[j] - dy1[j] * sin[j]) * (x2[j] * rstd);
        }
    }

    float* to = a.partials + (int64)blockIdx.x * a.headDim + i;
    store(to, sums1);
    store(to + half, sums2);
}

extern "C" __global__ void __launch_bounds__(128) qk_norm_weight_1(QkNormWeightArgs a) { after_previous_kernel(); qk_norm_weight<1>(a); }
extern "C" __global__ void __launch_bounds__(128) qk_norm_weight_2(QkNormWeightArgs a) { after_previous_kernel(); qk_norm_weight<2>(a); }

struct NormWeightJoinArgs {
    const float* partials;
    float* dWeight;
    int blocks, dim;
};

// Warp w sums the blocks w, w + 32 …, then the first warp sums over the warps.
extern "C" __global__ void __launch_bounds__(1024) norm_weight_join(NormWeightJoinArgs a) {
    after_previous_kernel();
    __shared__ float sums[WARP][WARP];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, column = blockIdx.x * WARP + lane;
    float sum = 0;
    if (column < a.dim) {
#pragma unroll 4
        for (int block = warp; block < a.blocks; block += WARP) sum += a.partials[(int64)block * a.dim + column];
    }

    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || column >= a.dim) return;
    sum = 0;
    for (int w = 0; w < WARP; w++) sum += sums[w][lane];
    a.dWeight[column] += sum;
}
