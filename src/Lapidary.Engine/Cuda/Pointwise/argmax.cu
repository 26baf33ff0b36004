// Grid: x: rows, y: blocks that share a row, 8 warps; the last block of a row takes the best of all. x fp32 [rows, dim], indices int32
// [rows]; the _4 kernel takes 16 bytes at once and needs dim % 4 == 0.
#include "best.cuh"
#include "elements.cuh"

struct ArgMaxArgs {
    const float* x;
    int* indices;
    float2* bests;    // [rows, gridDim.y]: value and index; unused where gridDim.y is 1, as the next
    uint32* arrivals; // [rows]: blocks that have ended; 0 between launches
    int dim;
};

__device__ __forceinline__ void take_warp(Best& best) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        float value = __shfl_xor_sync(FULL_MASK, best.value, offset);
        int index = __shfl_xor_sync(FULL_MASK, best.index, offset);
        take(best, value, index);
    }
}

// The first thread's is the block's.
__device__ __forceinline__ void take_block(Best& best) {
    __shared__ Best bests[WARP];
    take_warp(best);
    if (threadIdx.x % WARP == 0) bests[threadIdx.x / WARP] = best;
    __syncthreads();
    if (threadIdx.x >= WARP) return;
    best = bests[min(threadIdx.x, blockDim.x / WARP - 1)];
    take_warp(best);
}

template <int N>
__device__ __forceinline__ void find(const ArgMaxArgs& a) {
    __shared__ bool last;
    int row = blockIdx.x;
    const float* x = a.x + (int64)row * a.dim;
    Best best = {-infinity(), 0};
#pragma unroll 4
    for (int i = (blockIdx.y * blockDim.x + threadIdx.x) * N; i < a.dim; i += gridDim.y * blockDim.x * N) {
        float values[N];
        load(x + i, values);
#pragma unroll
        for (int j = 0; j < N; j++) take(best, comparable(values[j]), i + j);
    }

    take_block(best);
    if (gridDim.y > 1) {
        float2* bests = a.bests + (int64)row * gridDim.y;
        if (threadIdx.x == 0) {
            bests[blockIdx.y] = make_float2(best.value, __int_as_float(best.index));
            last = count_arrival(a.arrivals + row) == gridDim.y - 1;
        }

        __syncthreads();
        if (!last || threadIdx.x >= WARP) return;
        best = {-infinity(), 0};
        for (int i = threadIdx.x; i < (int)gridDim.y; i += WARP) {
            float2 other = __ldcg(bests + i);
            take(best, other.x, __float_as_int(other.y));
        }

        take_warp(best);
        if (threadIdx.x == 0) a.arrivals[row] = 0;
    }

    if (threadIdx.x == 0) a.indices[row] = fabsf(best.value) < infinity() ? best.index : -1;
}

extern "C" __global__ void __launch_bounds__(256) argmax_1(ArgMaxArgs a) { after_previous_kernel(); let_next_kernel_start(); find<1>(a); }
extern "C" __global__ void __launch_bounds__(256) argmax_4(ArgMaxArgs a) { after_previous_kernel(); let_next_kernel_start(); find<4>(a); }
