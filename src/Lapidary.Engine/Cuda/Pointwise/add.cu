// Grid: a thread per 8 elements, 256 to a block, in strides of the grid. fp32 inside, one rounding.
// source and target of one type, act or fp32, [count], aligned to 16 bytes; the last count % 8 elements are taken one by one.
#include "elements.cuh"

struct AddArgs {
    const void* source;
    void* target;
    int64 count;
};

template <int N, typename T>
__device__ __forceinline__ void add(const T* source, T* target) {
    float x[N], y[N];
    load(source, x);
    load(target, y);
    for (int j = 0; j < N; j++) y[j] += x[j];
    store(target, y);
}

template <typename T>
__device__ __forceinline__ void add_all(const AddArgs& a) {
    const T* source = (const T*)a.source;
    T* target = (T*)a.target;
    int64 thread = thread_index(), threads = thread_count(), whole = a.count & ~7LL;
    for (int64 i = thread * 8; i < whole; i += threads * 8) add<8>(source + i, target + i);
    if (whole + thread < a.count) add<1>(source + whole + thread, target + whole + thread);
}

extern "C" __global__ void add_act(AddArgs a) { after_previous_kernel(); add_all<act>(a); }
extern "C" __global__ void add_fp32(AddArgs a) { after_previous_kernel(); add_all<float>(a); }
