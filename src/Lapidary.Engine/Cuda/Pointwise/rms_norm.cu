// Grid: a block per row, 32 to 256 threads. Sums in fp32, in a fixed order.
// x, y, dy, dx, residual bf16 [rows, dim]; 16-byte accesses where dim % 8 == 0 (the _8 kernels: all tensors aligned to 16), else single
// elements.
#include "elements.cuh"

struct RmsNormForwardArgs {
    const bf16* x;
    const void* weight;
    const bf16* residual;
    bf16* y;
    float* rstd;
    int weightType, dim;
    float epsilon;
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
        store(a.y + offset + i, x);
    }
}

extern "C" __global__ void rms_norm_forward_1(RmsNormForwardArgs a) { after_previous_kernel(); forward<1>(a); }
extern "C" __global__ void rms_norm_forward_8(RmsNormForwardArgs a) { after_previous_kernel(); forward<8>(a); }

struct RmsNormBackwardArgs {
    const bf16* dy;
    const bf16* x;
    const void* weight;
    const float* rstd;
    bf16* dx;
    int weightType, dim, add;
};

template <int N>
__device__ __forceinline__ void backward(const RmsNormBackwardArgs& a) {
    int64 row = blockIdx.x, offset = row * a.dim;
    float dot = 0;
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N], dy[N], w[N];
        load(a.x + offset + i, x);
        load(a.dy + offset + i, dy);
        load_as(a.weight, a.weightType, i, w);
        for (int j = 0; j < N; j++) dot += dy[j] * (1 + w[j]) * x[j];
    }

    float rstd = a.rstd[row], projection = rstd * rstd * (block_sum(dot) / a.dim);
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N], dy[N], w[N], dx[N] = {};
        load(a.x + offset + i, x);
        load(a.dy + offset + i, dy);
        load_as(a.weight, a.weightType, i, w);
        if (a.add) load(a.dx + offset + i, dx);
        for (int j = 0; j < N; j++) dx[j] += rstd * (dy[j] * (1 + w[j]) - x[j] * projection);
        store(a.dx + offset + i, dx);
    }
}

extern "C" __global__ void rms_norm_backward_1(RmsNormBackwardArgs a) { after_previous_kernel(); backward<1>(a); }
extern "C" __global__ void rms_norm_backward_8(RmsNormBackwardArgs a) { after_previous_kernel(); backward<8>(a); }
