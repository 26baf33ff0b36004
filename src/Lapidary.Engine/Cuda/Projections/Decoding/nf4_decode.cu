// y = code value · absmax, rounded to act. A thread takes DEPTH runs of 8 elements (4 bytes of codes in, 16 out), a block's width apart;
// 256 threads.
#include "nf4.cuh"

struct Nf4DecodeArgs {
    Nf4Matrix w;
    act* y;
};

constexpr int DEPTH = 4, BLOCKS = at_most(6, 256);

extern "C" __global__ void __launch_bounds__(256, BLOCKS) nf4_decode(Nf4DecodeArgs args) {
    after_previous_kernel();
    __shared__ Nf4Tables tables;
    int64 start = ((int64)blockIdx.x * DEPTH * blockDim.x + threadIdx.x) * 8, stride = (int64)blockDim.x * 8;
    Nf4Run runs[DEPTH];
#pragma unroll
    for (int i = 0; i < DEPTH; i++) {
        int64 first = start + i * stride;
        if (first + 8 <= args.w.count) runs[i].fetch(args.w, first);
    }

    tables.fill(args.w); // while the codes are on their way
#pragma unroll
    for (int i = 0; i < DEPTH; i++) {
        int64 first = start + i * stride;
        if (first + 8 > args.w.count) continue;
        float x[8];
        runs[i].decode(args.w, tables, x);
        store(args.y + first, x);
    }

    int64 last = (args.w.count & ~(int64)7) + threadIdx.x; // behind the last whole run
    if (blockIdx.x == 0 && last < args.w.count) args.y[last] = to_act(decode(args.w, tables, last));
}
