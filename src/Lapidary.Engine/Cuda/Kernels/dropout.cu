// y = x · mask / (1 − p), or y +=, where the mask is the hash of Ops/Dropout.cs. One thread per 8 elements; blocks of 256 threads in a line.
#include "common.cuh"

struct DropoutArgs {
    const bf16* x;
    bf16* y;
    const int64* seed;  // [1]
    int64 count;
    int stream;
    uint32 threshold;  // an element is kept where its hash is at least this
    float scale;       // 1 / (1 − p)
    int add;
};

constexpr int WIDTH = 8;

__device__ __forceinline__ float masked(const DropoutArgs& args, uint32 key, int64 i, bf16 x, bf16 y) {
    float value = dropout_mix((uint32)i ^ key) >= args.threshold ? to_float(x) * args.scale : 0.0f;
    return args.add ? to_float(y) + value : value;
}

extern "C" __global__ void dropout(DropoutArgs args) {
    int64 first = thread_index() * WIDTH;
    uint32 key = dropout_key(*args.seed, args.stream);
    if (first + WIDTH <= args.count) {
        bf16x8 x = *(const bf16x8*)(args.x + first), y = {};
        if (args.add) y = *(const bf16x8*)(args.y + first);
        for (int pair = 0; pair < WIDTH / 2; pair++) {
            int64 i = first + 2 * pair;
            y.pair[pair] = to_bf16x2(
                masked(args, key, i, x.pair[pair].x, y.pair[pair].x), masked(args, key, i + 1, x.pair[pair].y, y.pair[pair].y));
        }
        *(bf16x8*)(args.y + first) = y;
        return;
    }
    for (int64 i = first; i < args.count; i++) args.y[i] = to_bf16(masked(args, key, i, args.x[i], args.y[i]));
}
