// Grid: forward a block per token; order a warp per token; backward x: a block per token, y: per 8 · 256 columns; 256 threads. fp32; rows
// summed in token order. y, dy wide [tokens, hidden], dTable fp32; the _8 kernels take 8 elements at once and need hidden % 8 == 0, all
// aligned to 16.
#include "elements.cuh"

struct EmbeddingForwardArgs {
    const int* ids;
    const void* table;
    wide* y;
    int64 vocabulary;
    int tableType, hidden;
    float scale;
};

template <int N>
__device__ __forceinline__ void forward(const EmbeddingForwardArgs& a) {
    int64 token = blockIdx.x, id = a.ids[token];
    bool known = id >= 0 && id < a.vocabulary;
    for (int i = threadIdx.x * N; i < a.hidden; i += blockDim.x * N) {
        float x[N];
        if (known) load_as(a.table, a.tableType, id * a.hidden + i, x);
        for (int j = 0; j < N; j++) x[j] = known ? x[j] * a.scale : __uint_as_float(0x7FFFFFFFu); // NaN: a wrong id must not pass unseen
        store(a.y + token * a.hidden + i, x);
    }
}

extern "C" __global__ void embedding_forward_1(EmbeddingForwardArgs a) { after_previous_kernel(); forward<1>(a); }
extern "C" __global__ void embedding_forward_8(EmbeddingForwardArgs a) { after_previous_kernel(); forward<8>(a); }

struct EmbeddingOrderArgs {
    const int* ids;
    int* order;
    int tokens;
};

// order[i] is the i-th token by id, and by position among equal ids. Each token counts those before it: tokens² comparisons, few beside
// those of the attention, and no order that depends on which thread was first.
extern "C" __global__ void __launch_bounds__(256) embedding_order(EmbeddingOrderArgs a) {
    after_previous_kernel();
    int64 token = thread_index() / WARP;
    if (token >= a.tokens) return;
    int lane = threadIdx.x % WARP, id = a.ids[token], rank = 0;
#pragma unroll 8
    for (int other = lane; other < a.tokens; other += WARP) {
        int there = a.ids[other];
        rank += there < id || (there == id && other < token) ? 1 : 0;
    }

    rank = warp_sum(rank);
    if (lane == 0) a.order[rank] = token;
}

struct EmbeddingBackwardArgs {
    const int* ids;
    const int* order;
    const wide* dy;
    float* dTable;
    int64 vocabulary;
    int tokens, hidden;
    float scale;
};

// Equal ids are neighbours in the order: the first of them owns the id's row of dTable and adds all, so that no two blocks write one row.
template <int N>
__device__ __forceinline__ void backward(const EmbeddingBackwardArgs& a) {
    constexpr int DEPTH = 8; // rows under way at once
    struct alignas(sizeof(wide) * N < 16 ? sizeof(wide) * N : 16) Run {
        wide elements[N];
    };
    __shared__ int found[256];
    int first = blockIdx.x, id = a.ids[a.order[first]];
    if (id < 0 || id >= a.vocabulary || (first > 0 && a.ids[a.order[first - 1]] == id)) return;
    int column = (blockIdx.y * blockDim.x + threadIdx.x) * N, count;
    bool inside = column < a.hidden;
    float sum[N] = {};
    do {
        int i = first + threadIdx.x, token = i < a.tokens ? a.order[i] : -1;
        bool same = token >= 0 && a.ids[token] == id;
        if (same) found[threadIdx.x] = token;
        count = __syncthreads_count(same);
        for (int start = 0; start < count && inside; start += DEPTH) {
            Run dy[DEPTH];
#pragma unroll
            for (int j = 0; j < DEPTH; j++) {
                if (start + j < count) dy[j] = *(const Run*)(a.dy + (int64)found[start + j] * a.hidden + column);
            }

#pragma unroll
            for (int j = 0; j < DEPTH; j++) {
                if (start + j >= count) break;
                for (int n = 0; n < N; n++) sum[n] += to_float(dy[j].elements[n]);
            }
        }

        first += blockDim.x;
        __syncthreads();
    } while (count == blockDim.x);

    if (!inside) return;
    float* row = a.dTable + (int64)id * a.hidden + column;
    float there[N];
    load(row, there);
    for (int j = 0; j < N; j++) there[j] += sum[j] * a.scale;
    store(row, there);
}

// Eight rows of eight elements take registers: where no number of blocks is asked for, the compiler may spill some to make room for one
// more.
extern "C" __global__ void __launch_bounds__(256) embedding_backward_1(EmbeddingBackwardArgs a) {
    after_previous_kernel();
    backward<1>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) embedding_backward_8(EmbeddingBackwardArgs a) {
    after_previous_kernel();
    backward<8>(a);
}
