// Grid: x: rows, y: blocks that share a row, 256 threads. Second kernel of a draw: collects the tokens of the buckets that hold the answer;
// the last block of a row sorts them and chooses. Rows that draw nothing, or whose index is below 0, are left alone. The _4 kernel needs
// dim % 4 == 0.
#include "draw.cuh"

// Sorts keys in shared memory, rising. A bitonic network; what fills it up to a power of two comes last.
__device__ __forceinline__ void sort(uint64* keys, int count) {
    int size = 2;
    while (size < count) size *= 2;
    for (int i = count + threadIdx.x; i < size; i += THREADS) keys[i] = ~0ull;
    for (int run = 2; run <= size; run *= 2) {
        for (int stride = run / 2; stride > 0; stride /= 2) {
            __syncthreads();
            for (int i = threadIdx.x; i < size / 2; i += THREADS) {
                int first = 2 * i - (i & (stride - 1)), second = first + stride;
                uint64 one = keys[first], other = keys[second];
                if ((one > other) == ((first & run) == 0)) keys[first] = other, keys[second] = one;
            }
        }
    }

    __syncthreads();
}

// The sorted tokens of a row; each thread has some neighbours.
struct Tokens {
    const uint64* keys;
    int first, end; // this thread's
    uint64 before;  // weight of the tokens before them
    const Draw& draw;
    const DrawState& state;

    __device__ __forceinline__ uint64 weight(int i) const {
        float logit = logit_of(keys[i]);
        return weight_of(logit, distance_of(logit, state.top, draw), state.top, draw);
    }

    // What lies between the two groups stands before the second.
    __device__ __forceinline__ uint64 gap_before(int i) const {
        return distance_of(logit_of(keys[i]), state.top, draw) >= state.below ? state.gap : 0;
    }
};

struct Found {
    uint64 key, sum;
};

// The first token at which the sum of weights reaches a number, and the sum.
__device__ __forceinline__ Found find(const Tokens& tokens, uint64 needed) {
    __shared__ Found found;
    uint64 sum = tokens.before;
    __syncthreads();
    for (int i = tokens.first; i < tokens.end; i++) {
        uint64 weight = tokens.weight(i), before = sum + tokens.gap_before(i);
        if (before < needed && needed <= before + weight) found = {tokens.keys[i], before + weight};
        sum += weight;
    }

    __syncthreads();
    return found;
}

// The sorted tokens' choice.
__device__ __forceinline__ int choose(const uint64* keys, int count, const Draw& draw, const DrawState& state) {
    if (draw.top_k > 0 && draw.top_k < count) {
        // Ties with the last are kept.
        int more = 0, kept = draw.top_k;
        for (int i = kept + threadIdx.x; i < count; i += THREADS) more += keys[i] >> 32 == keys[kept - 1] >> 32;
        uint64 tied;
        sum_before((uint64)more, tied);
        count = kept + (int)tied;
    }

    int each = (count + THREADS - 1) / THREADS;
    Tokens tokens = {keys, min((int)threadIdx.x * each, count), min((int)(threadIdx.x + 1) * each, count), 0, draw, state};
    uint64 mine = 0, passing = 0, total, above = state.above, needed = state.needed;
    float limit = draw.limit(state.top);
    for (int i = tokens.first; i < tokens.end; i++) {
        mine += tokens.weight(i);
        if (logit_of(keys[i]) >= limit) passing += tokens.weight(i);
    }

    tokens.before = state.before + sum_before(mine, total);
    if (draw.top_k > 0) {
        sum_before(passing, above);
        needed = draw.needed(total);
        if (above <= needed) needed = 0;
    }

    uint64 kept = needed > 0 ? min(above, find(tokens, needed).sum) : above;
    return (int)(uint32)find(tokens, draw.target(kept) + 1).key;
}

template <int N>
__device__ __forceinline__ void collect(const DrawArgs& a) {
    __shared__ uint64 sorted[MOST_KEYS];
    int row = blockIdx.x;
    Draw draw = a.draws[row];
    if (draw.top_k < 0 || a.indices[row] < 0) return;
    DrawState* shared_state = a.states + row;
    DrawState state = *shared_state;
    const float* x = a.x + (int64)row * a.dim;
    uint64* keys = a.keys + (int64)row * MOST_KEYS;
#pragma unroll 4
    for (int i = (blockIdx.y * THREADS + threadIdx.x) * N; i < a.dim; i += gridDim.y * THREADS * N) {
        float values[N];
        load(x + i, values);
#pragma unroll
        for (int j = 0; j < N; j++) {
            float y = distance_of(values[j], state.top, draw);
            bool is_near = y >= state.from && y < state.below, is_head = y >= state.head_from && y < state.head_below;
            if (!is_near && !is_head) continue;
            uint32 place = atomicAdd(&shared_state->keys, 1u);
            if (place < MOST_KEYS) keys[place] = key_of(values[j], i + j);
        }
    }

    if (!is_last_of_row(shared_state)) return;
    uint32 count = __ldcg(&shared_state->keys);
    __syncthreads(); // all have read the counter
    if (threadIdx.x == 0) *shared_state = {};
    if (count > MOST_KEYS) {
        if (threadIdx.x == 0) a.indices[row] = UNDECIDED;
        return;
    }

    for (int i = threadIdx.x; i < (int)count; i += THREADS) sorted[i] = __ldcg(keys + i);
    sort(sorted, (int)count);
    int id = choose(sorted, (int)count, draw, state);
    if (threadIdx.x == 0) a.indices[row] = id;
}

extern "C" __global__ void __launch_bounds__(256) draw_choose_1(DrawArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    collect<1>(a);
}

extern "C" __global__ void __launch_bounds__(256) draw_choose_4(DrawArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    collect<4>(a);
}
