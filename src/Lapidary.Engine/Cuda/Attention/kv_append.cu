// Grid: x: threads over the elements of the tokens, 256 to a block, in strides of the grid; y: 0 for keys, 1 for values. Bits are copied.
// k, v [tokens, dim], keys, values [slots, capacity, dim], act; the _8 kernel copies 16 bytes at once and needs dim % 8 == 0, all aligned
// to 16.
#include "elements.cuh"

struct KvAppendArgs {
    const act* k;
    const act* v;
    const int* slots;     // [tokens]; below 0: nothing is stored
    const int* positions; // [tokens]
    act* keys;
    act* values;
    int64 tokens;
    int capacity, dim;    // dim: kvHeads · headDim
};

template <typename T>
__device__ __forceinline__ void append(const KvAppendArgs& a) {
    const T* source = (const T*)(blockIdx.y == 0 ? a.k : a.v);
    T* cache = (T*)(blockIdx.y == 0 ? a.keys : a.values);
    int perRow = a.dim / (int)(sizeof(T) / sizeof(act));
    for (int64 i = thread_index(); i < a.tokens * perRow; i += thread_count()) {
        int64 token = i / perRow, slot = a.slots[token];
        if (slot < 0) continue;
        cache[(slot * a.capacity + a.positions[token] % a.capacity) * perRow + i % perRow] = source[i];
    }
}

extern "C" __global__ void kv_append_1(KvAppendArgs a) { after_previous_kernel(); append<act>(a); }
extern "C" __global__ void kv_append_8(KvAppendArgs a) { after_previous_kernel(); append<uint4>(a); }
