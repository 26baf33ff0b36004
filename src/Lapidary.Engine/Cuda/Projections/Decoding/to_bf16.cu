// y = x rounded to bf16, for fp32 and fp16. One thread per 8 elements; blocks of 256 threads in a line; addresses 32-byte aligned (fp32).
#include "common.cuh"

struct ToBFloat16Args {
    const void* x;
    bf16* y;
    int64 count;
    int dtype;
};

constexpr int WIDTH = 8;

__device__ __forceinline__ void convert(const float* x, bf16* y) {
    struct alignas(16) float4_ {
        float v[4];
    } low = ((const float4_*)x)[0], high = ((const float4_*)x)[1];
    bf16x8 packed;
    for (int i = 0; i < 2; i++) {
        packed.pair[i] = to_bf16x2(low.v[2 * i], low.v[2 * i + 1]);
        packed.pair[i + 2] = to_bf16x2(high.v[2 * i], high.v[2 * i + 1]);
    }
    *(bf16x8*)y = packed;
}

__device__ __forceinline__ void convert(const half* x, bf16* y) {
    struct alignas(16) half8 {
        half v[WIDTH];
    } from = *(const half8*)x;
    bf16x8 packed;
    for (int i = 0; i < WIDTH / 2; i++) packed.pair[i] = to_bf16x2(to_float(from.v[2 * i]), to_float(from.v[2 * i + 1]));
    *(bf16x8*)y = packed;
}

extern "C" __global__ void convert_to_bf16(ToBFloat16Args args) {
    after_previous_kernel();
    int64 i = thread_index() * WIDTH;
    if (i + WIDTH <= args.count) {
        if (args.dtype == FLOAT32) {
            convert((const float*)args.x + i, args.y + i);
        } else {
            convert((const half*)args.x + i, args.y + i);
        }
        return;
    }
    for (; i < args.count; i++) args.y[i] = to_bf16(load(args.x, args.dtype, i));
}
