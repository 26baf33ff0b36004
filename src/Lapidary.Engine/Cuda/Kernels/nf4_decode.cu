// y = code value · absmax, rounded to fp32 and then to bf16, as bitsandbytes decodes. One thread per 8 elements (4 bytes of codes in, 16 out);
// blocks of 256 threads in a line. A block of scales has a multiple of 32 elements, so a thread's 8 share one scale.
#include "common.cuh"

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
constexpr int NESTED_BLOCK = 256;

__constant__ float NF4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
    -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
    0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
};

// code value · s + offset with two roundings, never one: bitsandbytes' bytes.
__device__ __forceinline__ float scale_of(const Nf4DecodeArgs& args, int64 block) {
    if (args.nested_absmax == nullptr) return ((const float*)args.absmax)[block];
    float code = args.nested_code[((const uint8*)args.absmax)[block]];
    return __fadd_rn(__fmul_rn(code, args.nested_absmax[block / NESTED_BLOCK]), args.offset);
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
