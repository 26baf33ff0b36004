// Grid: a block per row, 32 to 256 threads. Sums in fp32, in a fixed order. A pair is two forward kernels in one, with their bits.
// x, residual and h wide [rows, dim]. Norms that are added to the residual stream ("post") have y and dy wide and dx act, the others y and
// dy act and dx wide. 16-byte accesses where dim % 8 == 0 (the _8 kernels: all tensors aligned to 16), else single elements.
#include "arranged_rows.cuh"
#include "elements.cuh"

struct RmsNormForwardArgs {
    const wide* x;
    const void* weight;
    const wide* residual;
    void* y;
    float* rstd;
    int weightType, dim;
    float epsilon;
    ArrangedCopy copy; // of y, by the _8 kernel, where y is act
};

template <int N>
__device__ __forceinline__ void forward(const RmsNormForwardArgs& a) {
    int64 row = blockIdx.x, offset = row * a.dim;
    float squares = 0;
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N];
        load(a.x + offset + i, x);
        for (int j = 0; j < N; j++) squares += x[j] * x[j];
    }

    float rstd = 1 / sqrtf(block_sum(squares) / a.dim + a.epsilon);
    if (threadIdx.x == 0) a.rstd[row] = rstd;

    // The row is read again, from the cache.
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N], w[N], residual[N] = {};
        load(a.x + offset + i, x);
        load_as(a.weight, a.weightType, i, w);
        if (a.residual) load(a.residual + offset + i, residual);
        for (int j = 0; j < N; j++) x[j] = residual[j] + x[j] * rstd * (1 + w[j]);
        if (IsWide && a.residual) store((wide*)a.y + offset + i, x);
        else store((act*)a.y + offset + i, x);
        if constexpr (N == 8) {
            if (a.copy.words) a.copy.store(offset + i, x);
        }
    }
}

extern "C" __global__ void rms_norm_forward_1(RmsNormForwardArgs a) { after_previous_kernel(); forward<1>(a); }
extern "C" __global__ void rms_norm_forward_8(RmsNormForwardArgs a) { after_previous_kernel(); forward<8>(a); }

struct RmsNormPairArgs {
    const wide* x;
    const void* weight;
    const wide* residual;
    const void* nextWeight;
    wide* h;
    act* y;
    int weightType, nextWeightType, dim;
    int callsFirst; // the next kernel, before the wait
    float epsilon;
    ArrangedCopy copy; // of y, by kernels of 8 elements
};

// The sums and roundings of two forward kernels. A thread keeps its Runs runs of a row, which begin at Step elements from each other.
template <int N, int Runs>
__device__ __forceinline__ void forward_pair(const RmsNormPairArgs& a) {
    int64 offset = (int64)blockIdx.x * a.dim;
    int first = threadIdx.x * N, step = blockDim.x * N;
    float x[Runs][N], w[Runs][N], next[Runs][N], residual[Runs][N], squares = 0;
#pragma unroll
    for (int r = 0; r < Runs; r++) {
        if (first + r * step >= a.dim) continue;
        load_weight_as(a.weight, a.weightType, first + r * step, w[r]);
        load_weight_as(a.nextWeight, a.nextWeightType, first + r * step, next[r]);
    }

    if (a.callsFirst) let_next_kernel_start();
    after_previous_kernel();
    if (!a.callsFirst) let_next_kernel_start();
#pragma unroll
    for (int r = 0; r < Runs; r++) {
        if (first + r * step >= a.dim) continue;
        load(a.x + offset + first + r * step, x[r]);
        load(a.residual + offset + first + r * step, residual[r]);
    }

#pragma unroll
    for (int r = 0; r < Runs; r++) {
        if (first + r * step >= a.dim) continue;
        for (int j = 0; j < N; j++) squares += x[r][j] * x[r][j];
    }

    float rstd = 1 / sqrtf(block_sum(squares) / a.dim + a.epsilon);
    squares = 0;
#pragma unroll
    for (int r = 0; r < Runs; r++) {
        if (first + r * step >= a.dim) continue;
        for (int j = 0; j < N; j++) {
            x[r][j] = as_wide(residual[r][j] + x[r][j] * rstd * (1 + w[r][j]));
            squares += x[r][j] * x[r][j];
        }

        store(a.h + offset + first + r * step, x[r]);
    }

    rstd = 1 / sqrtf(block_sum(squares) / a.dim + a.epsilon);
#pragma unroll
    for (int r = 0; r < Runs; r++) {
        if (first + r * step >= a.dim) continue;
        for (int j = 0; j < N; j++) x[r][j] = 0.0f + x[r][j] * rstd * (1 + next[r][j]);
        store(a.y + offset + first + r * step, x[r]);
        if constexpr (N == 8) {
            if (a.copy.words) a.copy.store(offset + first + r * step, x[r]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) rms_norm_pair_1(RmsNormPairArgs a) { forward_pair<1, 8>(a); }
extern "C" __global__ void __launch_bounds__(256) rms_norm_pair_8(RmsNormPairArgs a) { forward_pair<8, 1>(a); }
extern "C" __global__ void __launch_bounds__(256) rms_norm_pair_long(RmsNormPairArgs a) { forward_pair<8, 3>(a); }

struct RmsNormBackwardArgs {
    const void* dy;
    const wide* x;
    const void* weight;
    const float* rstd;
    void* dx;
    int weightType, dim, add, post;
};

template <int N, typename TDy, typename TDx>
__device__ __forceinline__ void backward(const RmsNormBackwardArgs& a) {
    const TDy* dys = (const TDy*)a.dy;
    TDx* dxs = (TDx*)a.dx;
    int64 row = blockIdx.x, offset = row * a.dim;
    float dot = 0;
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N], dy[N], w[N];
        load(a.x + offset + i, x);
        load(dys + offset + i, dy);
        load_as(a.weight, a.weightType, i, w);
        for (int j = 0; j < N; j++) dot += dy[j] * (1 + w[j]) * x[j];
    }

    float rstd = a.rstd[row], projection = rstd * rstd * (block_sum(dot) / a.dim);
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N], dy[N], w[N], dx[N] = {};
        load(a.x + offset + i, x);
        load(dys + offset + i, dy);
        load_as(a.weight, a.weightType, i, w);
        if (a.add) load(dxs + offset + i, dx);
        for (int j = 0; j < N; j++) dx[j] += rstd * (dy[j] * (1 + w[j]) - x[j] * projection);
        store(dxs + offset + i, dx);
    }
}

template <int N>
__device__ __forceinline__ void backward_any(const RmsNormBackwardArgs& a) {
    if (IsWide && a.post) backward<N, wide, act>(a);
    else backward<N, act, wide>(a);
}

extern "C" __global__ void rms_norm_backward_1(RmsNormBackwardArgs a) { after_previous_kernel(); backward_any<1>(a); }
extern "C" __global__ void rms_norm_backward_8(RmsNormBackwardArgs a) { after_previous_kernel(); backward_any<8>(a); }
