// Grid: x: rows, y: blocks that share a row, 256 threads. First kernel of a draw: the weights of a row's tokens, summed by buckets of their
// distance from the largest logit, and which buckets hold the answer. Sums are integers, so no order of blocks and atomics matters. With
// top_k the weights are 1. Rows that draw nothing, or whose index is -1, are left alone. The _4 kernel needs dim % 4 == 0.
#include "draw.cuh"

struct Place {
    int bucket;
    uint64 before, sum;
};

// Where the sum reaches a number, from 1 to the total.
__device__ __forceinline__ Place place_of(uint64 needed, uint64 before, const uint64 (&sums)[BUCKETS_OF_A_THREAD]) {
    __shared__ Place place;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < BUCKETS_OF_A_THREAD; i++) {
        if (before < needed && needed <= before + sums[i]) place = {(int)threadIdx.x * BUCKETS_OF_A_THREAD + i, before, sums[i]};
        before += sums[i];
    }

    __syncthreads();
    return place;
}

// The last block of a row: takes the sums, sets them back, and writes which distances are collected.
__device__ __forceinline__ void decide(const DrawArgs& a, int row, const Draw& draw, DrawState* state) {
    uint64* of_row = a.sums + (int64)row * BUCKETS + threadIdx.x * BUCKETS_OF_A_THREAD;
    uint64 sums[BUCKETS_OF_A_THREAD], mine = 0, total;
#pragma unroll
    for (int i = 0; i < BUCKETS_OF_A_THREAD; i++) {
        sums[i] = __ldcg(of_row + i);
        of_row[i] = 0;
        mine += sums[i];
    }

    uint64 before = sum_before(mine, total);
    DrawState next = {};
    next.top = a.x[(int64)row * a.dim + a.indices[row]];
    bool decided = __ldcg(&state->refused) == 0;
    if (draw.top_k > 0) {
        Place last = place_of(min((uint64)draw.top_k, total), before, sums);
        next.below = edge_of(last.bucket + 1);
        decided = decided && last.before + last.sum <= MOST_KEYS;
    } else {
        next.above = __ldcg(&state->above);
        uint64 needed = draw.needed(total), least = next.above, most = next.above;
        Place head = {};
        if (next.above > needed) {
            head = place_of(needed, before, sums);
            next.needed = least = needed;
            most = min(next.above, head.before + head.sum);
        }

        Place first = place_of(draw.target(least) + 1, before, sums);
        Place last = place_of(draw.target(most) + 1, before, sums);
        next.before = first.before;
        next.from = edge_of(first.bucket);
        next.below = edge_of(last.bucket + 1);
        if (next.needed > 0 && head.bucket > last.bucket) {
            next.gap = head.before - last.before - last.sum;
            next.head_from = edge_of(head.bucket);
            next.head_below = edge_of(head.bucket + 1);
        }
    }

    __syncthreads(); // all have read the state
    if (threadIdx.x > 0) return;
    if (decided) *state = next;
    else {
        *state = {};
        a.indices[row] = UNDECIDED;
    }
}

template <int N>
__device__ __forceinline__ void sum(const DrawArgs& a) {
    __shared__ uint32 low[BUCKETS], high[BUCKETS];
    int row = blockIdx.x, best = a.indices[row];
    Draw draw = a.draws[row];
    if (draw.top_k < 0 || best < 0) return;
    for (int i = threadIdx.x; i < BUCKETS; i += THREADS) low[i] = high[i] = 0;
    const float* x = a.x + (int64)row * a.dim;
    float top = x[best], limit = draw.limit(top);
    uint64 above = 0;
    bool refused = false;
    __syncthreads();
#pragma unroll 2
    for (int i = (blockIdx.y * THREADS + threadIdx.x) * N; i < a.dim; i += gridDim.y * THREADS * N) {
        float values[N];
        load(x + i, values);
#pragma unroll
        for (int j = 0; j < N; j++) {
            float y = distance_of(values[j], top, draw);
            refused = refused || values[j] == -infinity();
            if (!(y < BEYOND)) continue;
            int bucket = bucket_of(y);
            if (draw.top_k > 0) {
                atomicAdd(low + bucket, 1u);
                continue;
            }

            uint64 weight = weight_of(values[j], y, top, draw);
            if (values[j] >= limit) above += weight;
            uint32 part = (uint32)weight, carry = atomicAdd(low + bucket, part) + part < part;
            uint32 rest = (uint32)(weight >> 32) + carry;
            if (rest > 0) atomicAdd(high + bucket, rest);
        }
    }

    DrawState* state = a.states + row;
    uint64 total;
    sum_before(above, total); // begins with a barrier: all have added
    if (threadIdx.x == 0 && total > 0) atomicAdd(&state->above, total);
    if (refused) atomicOr(&state->refused, 1u);
    for (int i = threadIdx.x; i < BUCKETS; i += THREADS) {
        uint64 of_bucket = (uint64)high[i] << 32 | low[i];
        if (of_bucket > 0) atomicAdd(a.sums + (int64)row * BUCKETS + i, of_bucket);
    }

    if (is_last_of_row(state)) decide(a, row, draw, state);
}

extern "C" __global__ void __launch_bounds__(256) draw_sum_1(DrawArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    sum<1>(a);
}

extern "C" __global__ void __launch_bounds__(256) draw_sum_4(DrawArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    sum<4>(a);
}
