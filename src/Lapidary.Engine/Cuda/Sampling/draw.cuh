#pragma once
// What the two kernels of a draw share. Weights, buckets, keys and limits are those of DrawWeights.cs, DrawKey.cs and TokenDraw.cs, to the
// bit: no operation is left to the compiler's choice of fused ones.
#include "elements.cuh"

constexpr int BUCKETS = 4096;
constexpr int BUCKET_SHIFT = 15;
constexpr int FIRST_BUCKET = (127 - 10) << (23 - BUCKET_SHIFT);
constexpr int THREADS = 256;
constexpr int BUCKETS_OF_A_THREAD = BUCKETS / THREADS;
constexpr int MOST_KEYS = 4096; // that one block sorts; a row with more is left undecided
constexpr float BEYOND = 45.0f;
constexpr int UNDECIDED = -2;

// TokenDraw: 32 bytes.
struct Draw {
    double uniform, reach;
    float scale, scale_rest, top_p;
    int top_k; // -1: nothing is drawn

    __device__ __forceinline__ bool has_head() const { return top_p < 1.0f; }

    __device__ __forceinline__ float limit(float top) const { return __double2float_rn(__dadd_rn((double)top, reach)); }

    __device__ __forceinline__ uint64 needed(uint64 total) const {
        if (!has_head()) return total;
        uint64 head = (uint64)__double2ll_rz(ceil(__dmul_rn((double)top_p, __ll2double_rn((int64)total))));
        return head < 1 ? 1 : head < total ? head : total;
    }

    __device__ __forceinline__ uint64 target(uint64 kept) const {
        uint64 place = (uint64)__double2ll_rz(__dmul_rn(uniform, __ll2double_rn((int64)kept)));
        return place < kept - 1 ? place : kept - 1;
    }
};

// A row between the two kernels; all is 0 between draws.
struct DrawState {
    uint64 above;        // weight of the logits that min_p lets pass
    uint64 before;       // weight of the tokens before the collected ones
    uint64 gap;          // weight between the two groups of collected ones
    uint64 needed;       // weight that the head must reach; 0: it is `above`
    float from, below;   // distances of the collected tokens
    float head_from, head_below; // of those in which the head ends, if they are others
    float top;
    uint32 arrivals;
    uint32 refused;
    uint32 keys; // collected so far
};

struct DrawArgs {
    const float* x;     // [rows, dim]
    const Draw* draws;  // [rows]
    int* indices;       // [rows]
    uint64* sums;       // [rows, BUCKETS]: 0 between draws
    DrawState* states;  // [rows]
    uint64* keys;       // [rows, MOST_KEYS]
    int dim;
};

__device__ __forceinline__ float distance_of(float logit, float top, const Draw& draw) {
    return __fmul_rn(fabsf(__fsub_rn(top, logit)), draw.scale); // -0 is 0
}

// Of a distance below BEYOND.
__device__ __forceinline__ int bucket_of(float y) { return max((int)(__float_as_uint(y) >> BUCKET_SHIFT) - FIRST_BUCKET, 0); }

__device__ __forceinline__ float edge_of(int bucket) {
    return bucket == 0 ? 0.0f : __uint_as_float((uint32)(bucket + FIRST_BUCKET) << BUCKET_SHIFT);
}

// Of a logit whose distance y is below BEYOND.
__device__ __forceinline__ uint64 weight_of(float logit, float y, float top, const Draw& draw) {
    float distance = __fsub_rn(top, logit);
    float rest = __fmaf_rn(distance, draw.scale_rest, __fmaf_rn(distance, draw.scale, -y));
    float n = __fsub_rn(__fadd_rn(y, 12582912.0f), 12582912.0f);
    float r = __fsub_rn(__fsub_rn(n, y), rest);
    float p = 1.52527338e-05f;
    p = __fmaf_rn(p, r, 0.000154035304f);
    p = __fmaf_rn(p, r, 0.00133335581f);
    p = __fmaf_rn(p, r, 0.00961812911f);
    p = __fmaf_rn(p, r, 0.0555041087f);
    p = __fmaf_rn(p, r, 0.240226507f);
    p = __fmaf_rn(p, r, 0.693147182f);
    p = __fmaf_rn(p, r, 1.0f);
    return (uint64)(uint32)__float2int_rz(__fmul_rn(p, 16777216.0f)) << 20 >> __float2int_rz(n);
}

__device__ __forceinline__ uint64 key_of(float logit, int id) {
    uint32 bits = __float_as_uint(__fadd_rn(logit, 0.0f)); // -0 is 0
    uint32 rising = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64)~rising << 32 | (uint32)id;
}

__device__ __forceinline__ float logit_of(uint64 key) {
    uint32 rising = ~(uint32)(key >> 32);
    return __uint_as_float(rising & 0x80000000u ? rising & 0x7FFFFFFFu : ~rising);
}

// The sum of the threads before this one, and that of all. Of THREADS threads.
__device__ __forceinline__ uint64 sum_before(uint64 x, uint64& total) {
    __shared__ uint64 of_warps[THREADS / WARP];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    uint64 sum = x;
    for (int offset = 1; offset < WARP; offset *= 2) {
        uint64 other = __shfl_up_sync(FULL_MASK, sum, offset);
        if (lane >= offset) sum += other;
    }

    __syncthreads();
    if (lane == WARP - 1) of_warps[warp] = sum;
    __syncthreads();
    uint64 before = sum - x;
    total = 0;
    for (int i = 0; i < THREADS / WARP; i++) {
        if (i < warp) before += of_warps[i];
        total += of_warps[i];
    }

    return before;
}

// Whether this block is the last of its row's.
__device__ __forceinline__ bool is_last_of_row(DrawState* state) {
    __shared__ bool isLast;
    return is_last_block(&state->arrivals, gridDim.y, isLast);
}
