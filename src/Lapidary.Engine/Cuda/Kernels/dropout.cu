// y = x · mask / (1 − p). One thread per 8 elements; blocks of 256 threads in a line.
#include "dropout.cuh"
#include "elements.cuh"

struct DropoutArgs {
    const bf16* x;
    bf16* y;
    Mask mask;
    int64 count;
    float scale; // 1 / (1 − p)
};

constexpr int WIDTH = 8;

extern "C" __global__ void dropout(DropoutArgs args) {
    int64 first = thread_index() * WIDTH;
    uint32 key = args.mask.key();
    if (first + WIDTH <= args.count) {
        float x[WIDTH];
        load(args.x + first, x);
        for (int i = 0; i < WIDTH; i++) x[i] = args.mask.keeps(key, first + i) ? x[i] * args.scale : 0.0f;
        store(args.y + first, x);
        return;
    }
    for (int64 i = first; i < args.count; i++) args.y[i] = to_bf16(args.mask.keeps(key, i) ? to_float(args.x[i]) * args.scale : 0.0f);
}
