// y = x · scale rounded to act, for fp32 and the other type of 16 bits; without a scale where act is bf16. One thread per 8 elements;
// blocks of 256 threads in a line; addresses 32-byte aligned (fp32).
#include "elements.cuh"

struct ToActArgs {
    const void* x;
    act* y;
    int64 count;
    int dtype;
    float scale;
};

constexpr int WIDTH = 8;

template <int N>
__device__ __forceinline__ void scale(const ToActArgs& a, float (&x)[N]) {
    if constexpr (IsWide) {
        for (int i = 0; i < N; i++) x[i] *= a.scale;
    }
}

template <typename T>
__device__ __forceinline__ void convert(const ToActArgs& a, int64 first) {
    float x[WIDTH];
    load((const T*)a.x + first, x);
    scale(a, x);
    store(a.y + first, x);
}

extern "C" __global__ void convert_to_act(ToActArgs args) {
    after_previous_kernel();
    int64 i = thread_index() * WIDTH;
    if (i + WIDTH <= args.count) {
        if (args.dtype == FLOAT32) convert<float>(args, i);
        else convert<other_act>(args, i);
        return;
    }

    for (; i < args.count; i++) {
        float x[1] = {load(args.x, args.dtype, i)};
        scale(args, x);
        store(args.y + i, x);
    }
}
