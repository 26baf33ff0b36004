// argmax.cu from the largest of each 16 neighbours, [dim / 16, pitch], rather than from all. Grid: x: 32 rows, a lane each; y: blocks that
// share them, 8 warps; the last of these blocks takes the best of all, and reads the 16 it comes from. dim % 16 == 0.
#include "best.cuh"
#include "elements.cuh"

constexpr int Warps = 8, Neighbours = 16;

struct ArgMaxOfLargestArgs {
    const float* x;
    const float* largest;
    int* indices;
    float2* bests;    // [gridDim.x, gridDim.y, 32]: value and index
    uint32* arrivals; // [gridDim.x]: blocks that have ended; 0 between launches
    int rows, dim, pitch;
};

// The best of the warps' for each row, in the first warp. Warps have their places in turn, so the index decides among equals.
__device__ __forceinline__ void take_warps(Best& best) {
    __shared__ Best bests[Warps][WARP];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    bests[warp][lane] = best;
    __syncthreads();
    if (warp > 0) return;
    for (int other = 1; other < Warps; other++) take(best, bests[other][lane].value, bests[other][lane].index);
}

extern "C" __global__ void __launch_bounds__(256) argmax_of_largest(ArgMaxOfLargestArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    __shared__ bool isLast;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = blockIdx.x * WARP + lane;
    Best best = {-infinity(), 0};
#pragma unroll 8
    for (int i = blockIdx.y * Warps + warp; i < a.dim / Neighbours; i += gridDim.y * Warps)
        take(best, comparable(a.largest[(int64)i * a.pitch + row]), i);
    take_warps(best);
    float2* bests = a.bests + (int64)blockIdx.x * gridDim.y * WARP + lane;
    if (warp == 0) bests[blockIdx.y * WARP] = make_float2(best.value, __int_as_float(best.index));
    if (!is_last_block(a.arrivals + blockIdx.x, gridDim.y, isLast)) return;
    best = {-infinity(), 0};
#pragma unroll 8
    for (int i = warp; i < (int)gridDim.y; i += Warps) {
        float2 other = __ldcg(bests + i * WARP);
        take(best, other.x, __float_as_int(other.y));
    }

    take_warps(best);
    if (warp > 0 || row >= a.rows) return;
    const float* x = a.x + (int64)row * a.dim + best.index * Neighbours;
    int place = 0;
    for (int i = Neighbours - 1; i >= 0; i--) {
        if (x[i] == best.value) place = i;
    }

    a.indices[row] = fabsf(best.value) < infinity() ? best.index * Neighbours + place : -1;
}
