// Grid: forward a block per token; backward x: a block per token, y: per 8 · 256 columns; 256 threads. fp32; rows summed in token order.
// y, dy bf16 [tokens, hidden], dTable fp32; the _8 kernels take 8 elements at once and need hidden % 8 == 0, all aligned to 16.
#include "elements.cuh"

struct EmbeddingForwardArgs
{
    const int* ids;
    const void* table;
    bf16* y;
    int64 vocabulary;
    int tableType, hidden;
    float scale;
};

template <int N>
__device__ __forceinline__ void forward(const EmbeddingForwardArgs& a)
{
    int64 token = blockIdx.x, id = a.ids[token];
    bool known = id >= 0 && id < a.vocabulary;
    for (int i = threadIdx.x * N; i < a.hidden; i += blockDim.x * N)
    {
        float x[N];
        if (known) load_as(a.table, a.tableType, id * a.hidden + i, x);
        for (int j = 0; j < N; j++) x[j] = known ? x[j] * a.scale : __uint_as_float(0x7FFFFFFFu); // NaN: a wrong id must not pass unseen
        store(a.y + token * a.hidden + i, x);
    }
}

extern "C" __global__ void embedding_forward_1(EmbeddingForwardArgs a) { forward<1>(a); }
extern "C" __global__ void embedding_forward_8(EmbeddingForwardArgs a) { forward<8>(a); }

struct EmbeddingBackwardArgs
{
    const int* ids;
    const bf16* dy;
    float* dTable;
    int64 vocabulary;
    int tokens, hidden;
    float scale;
};

/// The first token of each id owns its row of dTable and adds all tokens of the id, in order: no two blocks write one row, and no atomics.
template <int N>
__device__ __forceinline__ void backward(const EmbeddingBackwardArgs& a)
{
    __shared__ uint32 matches[8]; // per warp, the lanes whose token has the id
    int token = blockIdx.x, id = a.ids[token];
    if (id < 0 || id >= a.vocabulary) return;
    for (int first = 0; first < token; first += blockDim.x)
    {
        int other = first + threadIdx.x;
        if (__syncthreads_or(other < token && a.ids[other] == id)) return; // an earlier token owns the row
    }

    int column = (blockIdx.y * blockDim.x + threadIdx.x) * N;
    bool inside = column < a.hidden;
    float sum[N] = {};
    for (int first = token; first < a.tokens; first += blockDim.x)
    {
        int other = first + threadIdx.x;
        uint32 match = __ballot_sync(FULL_MASK, other < a.tokens && a.ids[other] == id);
        if (threadIdx.x % 32 == 0) matches[threadIdx.x / 32] = match;
        __syncthreads();
        for (int warp = 0; warp < blockDim.x / 32; warp++)
        {
            for (uint32 left = matches[warp]; left != 0; left &= left - 1)
            {
                int64 found = first + warp * 32 + __ffs(left) - 1;
                float dy[N];
                if (inside) load(a.dy + found * a.hidden + column, dy);
                for (int j = 0; j < N; j++) sum[j] += inside ? dy[j] : 0;
            }
        }

        __syncthreads();
    }

    if (!inside) return;
    float* row = a.dTable + (int64)id * a.hidden + column;
    float there[N];
    load(row, there);
    for (int j = 0; j < N; j++) there[j] += sum[j] * a.scale;
    store(row, there);
}

extern "C" __global__ void __launch_bounds__(256) embedding_backward_1(EmbeddingBackwardArgs a) { backward<1>(a); }
extern "C" __global__ void __launch_bounds__(256) embedding_backward_8(EmbeddingBackwardArgs a) { backward<8>(a); }
