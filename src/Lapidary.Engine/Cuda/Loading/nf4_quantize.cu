// NF4 with the bytes of Nf4Encoder and NestedScales: magnitudes compared as bits, one correctly rounded reciprocal per block, subnormal
// numbers taken as zero. nf4_quantize: a block of 512 threads per 4,096 elements, 8 elements to a thread; a block of scales has 32 to 4,096
// elements, so a thread's 8 share one. x may lie in pinned host memory: every byte of it is read once, in 16-byte accesses, neighbours by
// neighbours. nf4_quantize_scales: a block of 256 threads per 256 scales.
#include "elements.cuh"

constexpr int Width = 8;
constexpr int ElementsPerBlock = 4096;
constexpr int NestedBlock = 256;

struct Nf4QuantizeArgs {
    const void* x;     // [count], its first element the first of a block of scales
    uint8* codes;      // [(count + 1) / 2], the even element in the high nibble
    float* absmax;     // [blocks]
    int64 count;
    int blockSize;
    int dtype;
};

// Nf4Code.Thresholds.
__constant__ uint32 Thresholds[15] = {
    0xBF591CD8u, 0xBF1C5270u, 0xBEEB8480u, 0xBEADEA76u, 0xBE703CECu, 0xBE0D38BCu, 0xBD3A7871u, 0x3D22FAFFu,
    0x3DF64862u, 0x3E5067E0u, 0x3E9582D4u, 0x3EC753F9u, 0x3F006D04u, 0x3F248DAFu, 0x3F5C89DAu,
};

// 0 where |x| is below 2^-126; NaN stays.
__device__ __forceinline__ float flush(float x) { return fabsf(x) < 1.17549435e-38f ? 0.0f : x; }

__device__ __forceinline__ uint32 magnitude_bits(float x) { return __float_as_uint(x) & 0x7FFFFFFFu; }

// Infinite for 0, and 0 where the result would be too small.
__device__ __forceinline__ float reciprocal(float x) { return flush(__frcp_rn(x)); }

// Elements first to first + 8 as fp32; those past the end are zeros.
__device__ __forceinline__ void load_padded(const Nf4QuantizeArgs& a, int64 first, float (&x)[Width]) {
    if (first + Width > a.count) {
        for (int i = 0; i < Width; i++) x[i] = first + i < a.count ? load(a.x, a.dtype, first + i) : 0.0f;
    } else if (a.dtype == FLOAT16) {
        uint4 words = *(const uint4*)((const half*)a.x + first);
        uint32 pairs[Width / 2] = {words.x, words.y, words.z, words.w};
        for (int i = 0; i < Width / 2; i++) {
            x[2 * i] = to_float(half{(uint16)pairs[i]});
            x[2 * i + 1] = to_float(half{(uint16)(pairs[i] >> 16)});
        }
    } else load_as(a.x, a.dtype, first, x);
}

// The number of thresholds that x is above; NaN is above none.
__device__ __forceinline__ uint32 code_of(float x) {
    uint32 code = 0;
    for (int i = 0; i < 15; i++) code += x > __uint_as_float(Thresholds[i]) ? 1 : 0;
    return code;
}

extern "C" __global__ void __launch_bounds__(512) nf4_quantize(Nf4QuantizeArgs a) {
    after_previous_kernel();
    __shared__ uint32 largest[ElementsPerBlock / 32];
    if (threadIdx.x < ElementsPerBlock / 32) largest[threadIdx.x] = 0;
    __syncthreads();

    int64 first = thread_index() * Width;
    int block = threadIdx.x * Width / a.blockSize;
    float x[Width];
    load_padded(a, first, x);
    uint32 mine = 0;
    for (int i = 0; i < Width; i++) {
        x[i] = flush(x[i]);
        mine = max(mine, magnitude_bits(x[i]));
    }
    atomicMax(&largest[block], mine);
    __syncthreads();
    if (first >= a.count) return;

    float absmax = __uint_as_float(largest[block]);
    float scale = reciprocal(absmax);
    if (first % a.blockSize == 0) a.absmax[first / a.blockSize] = absmax;
    uint32 codes = 0;
    for (int i = 0; i < Width; i += 2) {
        uint32 pair = code_of(__fmul_rn(x[i], scale)) << 4 | code_of(__fmul_rn(x[i + 1], scale));
        codes |= pair << (4 * i);
    }
    if (first + Width <= a.count) *(uint32*)(a.codes + first / 2) = codes;
    else {
        for (int i = 0; first + i < a.count; i += 2) a.codes[(first + i) / 2] = (uint8)(codes >> (4 * i));
    }
}

struct Nf4QuantizeScalesArgs {
    const float* absmax;    // [count], finite
    const float* map;       // [256], ascending
    uint8* codes;           // [count]
    float* nestedAbsmax;    // [⌈count / 256⌉]
    int count;
    float offset;
};

// The code whose value is nearest by the midpoints; a tie goes to the even code, NaN to 0.
__device__ __forceinline__ int nearest(const float* midpoints, float x) {
    int below = 0;
    for (int step = NestedBlock / 2; step > 0; step /= 2) below += x > midpoints[below + step - 1] ? step : 0;
    return x == midpoints[below] ? below + (below & 1) : below;
}

extern "C" __global__ void __launch_bounds__(256) nf4_quantize_scales(Nf4QuantizeScalesArgs a) {
    after_previous_kernel();
    __shared__ float midpoints[NestedBlock];
    __shared__ uint32 largest;
    int thread = threadIdx.x;
    midpoints[thread] = thread + 1 < NestedBlock ? __fmul_rn(__fadd_rn(a.map[thread], a.map[thread + 1]), 0.5f) : infinity();
    if (thread == 0) largest = 0;
    __syncthreads();

    int64 i = thread_index();
    float difference = i < a.count ? flush(__fsub_rn(a.absmax[i], a.offset)) : 0.0f;
    atomicMax(&largest, magnitude_bits(difference));
    __syncthreads();

    float absmax = __uint_as_float(largest);
    if (i < a.count) a.codes[i] = (uint8)nearest(midpoints, __fmul_rn(difference, reciprocal(absmax)));
    if (thread == 0) a.nestedAbsmax[blockIdx.x] = absmax;
}
