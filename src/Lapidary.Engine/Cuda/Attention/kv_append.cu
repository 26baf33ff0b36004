// Grid: x: threads over the elements of the tokens kept, 256 to a block, in strides of the grid; y: 0 for keys, 1 for values. Bits are
// copied. k, v [tokens, dim], keys, values [capacity, dim], bf16; the _8 kernel copies 16 bytes at once and needs dim % 8 == 0, all aligned
// to 16.
#include "elements.cuh"

struct KvAppendArgs {
    const bf16* k;
    const bf16* v;
    const int* position;
    bf16* keys;
    bf16* values;
    int64 tokens, capacity;
    int dim; // kvHeads · headDim
};

template <typename T>
__device__ __forceinline__ void append(const KvAppendArgs& a) {
    const T* source = (const T*)(blockIdx.y == 0 ? a.k : a.v);
    T* ring = (T*)(blockIdx.y == 0 ? a.keys : a.values);
    int perRow = a.dim / (int)(sizeof(T) / sizeof(bf16));
    int64 skipped = max(0LL, a.tokens - a.capacity); // of a longer prompt the ring holds the last tokens
    int64 position = *a.position, first = skipped * perRow, end = a.tokens * perRow;
    for (int64 i = first + thread_index(); i < end; i += thread_count())
        ring[(position + i / perRow) % a.capacity * perRow + i % perRow] = source[i];
}

extern "C" __global__ void kv_append_1(KvAppendArgs a) { after_previous_kernel(); append<bf16>(a); }
extern "C" __global__ void kv_append_8(KvAppendArgs a) { after_previous_kernel(); append<uint4>(a); }
