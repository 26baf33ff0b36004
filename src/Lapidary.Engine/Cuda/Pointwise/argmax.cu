// Grid: a block of 32 warps per row. x fp32 [rows, dim], indices int32 [rows]; the _4 kernel takes 16 bytes at once and needs dim % 4 == 0.
#include "elements.cuh"

struct ArgMaxArgs {
    const float* x;
    int* indices;
    int dim;
};

struct Best {
    float value;
    int index;
};

// The larger value, of equal ones the first.
__device__ __forceinline__ void take(Best& best, float value, int index) {
    if (value > best.value || (value == best.value && index < best.index)) best = {value, index};
}

__device__ __forceinline__ void take_warp(Best& best) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        float value = __shfl_xor_sync(FULL_MASK, best.value, offset);
        int index = __shfl_xor_sync(FULL_MASK, best.index, offset);
        take(best, value, index);
    }
}

template <int N>
__device__ __forceinline__ void find(const ArgMaxArgs& a) {
    __shared__ Best bests[WARP];
    const float* row = a.x + (int64)blockIdx.x * a.dim;
    Best best = {-infinity(), 0};
#pragma unroll 8
    for (int i = threadIdx.x * N; i < a.dim; i += blockDim.x * N) {
        float x[N];
        load(row + i, x);
#pragma unroll
        for (int j = 0; j < N; j++) take(best, x[j] == x[j] ? x[j] : infinity(), i + j); // NaN ends as infinity does
    }

    take_warp(best);
    if (threadIdx.x % WARP == 0) bests[threadIdx.x / WARP] = best;
    __syncthreads();
    if (threadIdx.x >= WARP) return;
    best = bests[threadIdx.x];
    take_warp(best);
    if (threadIdx.x == 0) a.indices[blockIdx.x] = fabsf(best.value) < infinity() ? best.index : -1;
}

extern "C" __global__ void __launch_bounds__(1024) argmax_1(ArgMaxArgs a) { after_previous_kernel(); find<1>(a); }
extern "C" __global__ void __launch_bounds__(1024) argmax_4(ArgMaxArgs a) { after_previous_kernel(); find<4>(a); }
