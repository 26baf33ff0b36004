// y = code value · absmax in bf16. One thread per 8 elements (4 bytes of codes in, 16 out); blocks of 256 threads in a line.
#include "nf4.cuh"

struct Nf4DecodeArgs {
    Nf4Matrix w;
    bf16* y;
};

extern "C" __global__ void __launch_bounds__(256) nf4_decode(Nf4DecodeArgs args) {
    __shared__ float table[16];
    load_nf4_table(table);
    int64 first = thread_index() * 8;
    if (first + 8 <= args.w.count) {
        float x[8];
        decode8(args.w, table, first, x);
        store(args.y + first, x);
        return;
    }
    for (int64 i = first; i < args.w.count; i++) args.y[i] = to_bf16(decode(args.w, table, i));
}
