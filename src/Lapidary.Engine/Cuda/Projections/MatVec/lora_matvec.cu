// xa = A · x, y += scale · B · xa for one x. Grid: a block of 16 warps per 128 rows of y; each forms the whole of xa, which costs less than
// a launch of its own. Sums in fp32, in a fixed order. A, B fp32; dim % 4 == 0, r % 4 == 0, r at most 256.
#include "elements.cuh"

struct LoraMatVecArgs {
    const bf16* x;
    const float* a;
    const float* b;
    bf16* xa;
    bf16* y;
    int r, dim, rows;
    float scale;
};

constexpr int Warps = 16, Run = 4, LanesPerRow = 4, BlockRows = Warps * WARP / LanesPerRow, MostR = 256;
constexpr int Step = WARP * Run, Depth = 9; // steps under way at once

// A lane's part of row · x.
__device__ __forceinline__ float dot(const float* row, const bf16* x, int dim) {
    float sum = 0;
    for (int first = threadIdx.x % WARP * Run; first < dim; first += Depth * Step) {
        uint4 weights[Depth];
        uint2 words[Depth];
#pragma unroll
        for (int i = 0; i < Depth; i++) {
            if (first + i * Step >= dim) continue;
            load_once(row + first + i * Step, weights[i]);
            words[i] = *(const uint2*)(x + first + i * Step);
        }

#pragma unroll
        for (int i = 0; i < Depth; i++) {
            if (first + i * Step >= dim) continue;
            float values[Run];
            unpack_bf16(words[i].x, values[0], values[1]);
            unpack_bf16(words[i].y, values[2], values[3]);
            sum += __uint_as_float(weights[i].x) * values[0] + __uint_as_float(weights[i].y) * values[1];
            sum += __uint_as_float(weights[i].z) * values[2] + __uint_as_float(weights[i].w) * values[3];
        }
    }

    return sum;
}

extern "C" __global__ void __launch_bounds__(512) lora_matvec(LoraMatVecArgs args) {
    after_previous_kernel();
    __shared__ float xa[MostR];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int row = blockIdx.x * BlockRows + threadIdx.x / LanesPerRow, part = threadIdx.x % LanesPerRow * Run;
    const float* b = args.b + (int64)row * args.r;
    if (row < args.rows && part < args.r) prefetch(b + part); // its way from memory and the first product overlap

    for (int i = warp; i < args.r; i += Warps) {
        float sum = warp_sum(dot(args.a + (int64)i * args.dim, args.x, args.dim));
        if (lane != 0) continue;
        xa[i] = sum;
        if (blockIdx.x == 0) args.xa[i] = to_bf16(sum);
    }

    __syncthreads();
    float sum = 0;
    if (row < args.rows) {
        for (int i = part; i < args.r; i += LanesPerRow * Run) {
            float weight[Run];
            load(b + i, weight);
#pragma unroll
            for (int j = 0; j < Run; j++) sum += weight[j] * xa[i + j];
        }
    }

    sum += __shfl_xor_sync(FULL_MASK, sum, 1);
    sum += __shfl_xor_sync(FULL_MASK, sum, 2);
    if (part == 0 && row < args.rows) args.y[row] = to_bf16(to_float(args.y[row]) + args.scale * sum);
}
