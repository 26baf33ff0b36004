// y = code value · absmax, rounded to fp32 and then to bf16, as bitsandbytes decodes. One thread per 8 elements (4 bytes of codes in, 16 out);
// blocks of 256 threads in a line. A block of scales has a multiple of 32 elements, so a thread's 8 share one scale.
#include "nf4.cuh"

struct Nf4DecodeArgs {
    const uint8* codes;           // two to a byte, the even element in the high nibble
    const void* absmax;           // fp32 [blocks], or 8-bit codes of scales where nested_absmax is not null
    const float* nested_absmax;   // [blocks / 256], or null
    const float* nested_code;     // [256]
    bf16* y;
    int64 count;
    int block_size;
    float offset;
};

constexpr int WIDTH = 8;

__device__ __forceinline__ float scale_of(const Nf4DecodeArgs& args, int64 block) {
    if (args.nested_absmax == nullptr) return ((const float*)args.absmax)[block];
    float code = args.nested_code[((const uint8*)args.absmax)[block]];
    return nested_scale(code, args.nested_absmax[block >> NESTED_BLOCK_SHIFT], args.offset);
}

extern "C" __global__ void __launch_bounds__(256) nf4_decode(Nf4DecodeArgs args) {
    // In shared memory, because the lanes of a warp look up different entries.
    __shared__ float table[16];
    if (threadIdx.x < 16) table[threadIdx.x] = NF4[threadIdx.x];
    __syncthreads();

    int64 first = thread_index() * WIDTH;
    if (first >= args.count) return;
    float scale = scale_of(args, first / args.block_size);
    if (first + WIDTH <= args.count) {
        uint32 codes = *(const uint32*)(args.codes + first / 2);
        bf16x8 y;
        for (int pair = 0; pair < WIDTH / 2; pair++) {
            uint32 both = codes >> (8 * pair);
            y.pair[pair] = to_bf16x2(table[both >> 4 & 15] * scale, table[both & 15] * scale);
        }
        *(bf16x8*)(args.y + first) = y;
        return;
    }
    for (int64 i = first; i < args.count; i++) {
        int code = args.codes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
        args.y[i] = to_bf16(table[code] * scale);
    }
}
