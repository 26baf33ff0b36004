// y = W · x for one x. Grid: blocks of 8 warps; warpsPerRow of them share two neighbouring rows, each taking every warpsPerRow-th step of
// 256 columns, 8 to a lane. Sums in fp32, in a fixed order. x bf16 [dim], W [rows, dim], y bf16 or fp32 [rows]; dim % 8 == 0, x and W
// aligned to 16.
#include "elements.cuh"
#include "nf4.cuh"

struct MatVecArgs {
    const bf16* x;
    const void* weight;
    void* y;
    int rows, dim, warpsPerRow, yType;
};

struct MatVecNf4Args {
    MatVecArgs product;
    const void* absmax;         // fp32 [blocks], or 8-bit codes of scales where nestedAbsmax is given
    const float* nestedAbsmax;
    const float* nestedCode;    // [256]
    int blockShift;             // log2 of the elements that share a scale; blocks run over the whole matrix, and 8 neighbours lie in one
    float offset;
};

constexpr int Warps = 8, Rows = 2, Run = 8, Step = WARP * Run;

// A weight type has a Fetched, 8 neighbouring elements as they lie in memory, and says how many steps are fetched before the first is used.
// Its prepare() writes what it keeps in shared memory; a barrier follows.

template <typename T>
struct Dense {
    struct Fetched {
        uint4 words[sizeof(T) / 2];
    };
    static constexpr int Depth = sizeof(T) == 4 ? 2 : 4;

    const T* weight;

    __device__ __forceinline__ void prepare() const {}

    __device__ __forceinline__ void fetch(int64 first, Fetched& run) const {
#pragma unroll
        for (int i = 0; i < sizeof(T) / 2; i++) load_once((const uint4*)(weight + first) + i, run.words[i]);
    }

    __device__ __forceinline__ float dot(const Fetched& run, const float (&x)[Run]) const {
        const T* w = (const T*)run.words;
        float sum = 0;
#pragma unroll
        for (int i = 0; i < Run; i++) sum += to_float(w[i]) * x[i];
        return sum;
    }
};

template <bool Nested>
struct Nf4 {
    struct Fetched {
        uint32 codes;
        float absmax;
        uint8 scaleCode;
    };
    static constexpr int Depth = 4;

    const MatVecNf4Args& a;
    float (&values)[16][WARP]; // shared: every lane has a copy of the table in a bank of its own
    float* scaleValues;        // shared [256]
    uint32 lane;               // shared address of the lane's entry in the table's first row
    uint32 scaleBits;          // the thread's entry of scaleValues, on its way while the first codes are

    __device__ __forceinline__ Nf4(const MatVecNf4Args& a, float (&values)[16][WARP], float* scaleValues)
        : a(a), values(values), scaleValues(scaleValues), lane((uint32)__cvta_generic_to_shared(&values[0][threadIdx.x % WARP])) {
        if constexpr (Nested) load_once(a.nestedCode + threadIdx.x, scaleBits);
    }

    __device__ __forceinline__ void prepare() const {
        int warp = threadIdx.x / WARP;
#pragma unroll
        for (int i = 0; i < 16; i += Warps) values[i + warp][threadIdx.x % WARP] = NF4[i + warp];
        if constexpr (Nested) scaleValues[threadIdx.x] = __uint_as_float(scaleBits);
    }

    __device__ __forceinline__ void fetch(int64 first, Fetched& run) const {
        uint32 block = (uint32)(first >> a.blockShift);
        load_once((const uint8*)a.product.weight + (first >> 1), run.codes);
        if constexpr (Nested) {
            run.scaleCode = ((const uint8*)a.absmax)[block];
            run.absmax = a.nestedAbsmax[block >> NESTED_BLOCK_SHIFT];
        } else run.absmax = ((const float*)a.absmax)[block];
    }

    __device__ __forceinline__ float dot(const Fetched& run, const float (&x)[Run]) const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < Run; i++) {
            int shift = i % 2 == 0 ? 4 * i + 4 : 4 * i - 4; // the even element is the high nibble
            sum += value(run.codes, shift) * x[i];
        }
        return sum * (Nested ? nested_scale(scaleValues[run.scaleCode], run.absmax, a.offset) : run.absmax);
    }

    // The value of the code at a bit: its row of the table, times 128 bytes, is added to the lane's address.
    __device__ __forceinline__ float value(uint32 codes, int bit) const {
        return load_shared(((bit < 7 ? codes << (7 - bit) : codes >> (bit - 7)) & 0x780) + lane);
    }
};

template <typename W>
__device__ __forceinline__ void multiply(const W& weight, const MatVecArgs& a) {
    __shared__ float partial[Warps][Rows];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, pairs = Warps / a.warpsPerRow, stride = a.warpsPerRow * Step;
    int64 firstRow = (int64)blockIdx.x * pairs * Rows, row = firstRow + warp / a.warpsPerRow * Rows, offset[Rows];
    for (int r = 0; r < Rows; r++) offset[r] = min(row + r, (int64)a.rows - 1) * a.dim;
    int start = warp % a.warpsPerRow * Step, first = start, end = row < a.rows ? a.dim : 0;
    float sum[Rows] = {};
    do { // first is the same for a whole warp
        typename W::Fetched run[W::Depth][Rows];
        uint4 words[W::Depth];
#pragma unroll
        for (int i = 0; i < W::Depth; i++) {
            int column = first + i * stride + lane * Run;
            if (column >= end) continue;
#pragma unroll
            for (int r = 0; r < Rows; r++) weight.fetch(offset[r] + column, run[i][r]);
            words[i] = *(const uint4*)(a.x + column);
        }

        if (first == start) { // once, by all warps: each comes here at least one time
            weight.prepare();
            __syncthreads();
        }

#pragma unroll
        for (int i = 0; i < W::Depth; i++) {
            if (first + i * stride + lane * Run >= end) continue;
            float x[Run];
            unpack_bf16(words[i].x, x[0], x[1]);
            unpack_bf16(words[i].y, x[2], x[3]);
            unpack_bf16(words[i].z, x[4], x[5]);
            unpack_bf16(words[i].w, x[6], x[7]);
#pragma unroll
            for (int r = 0; r < Rows; r++) sum[r] += weight.dot(run[i][r], x);
        }

        first += W::Depth * stride;
    } while (first < end);

#pragma unroll
    for (int r = 0; r < Rows; r++) {
        float total = warp_sum(sum[r]);
        if (lane == 0) partial[warp][r] = total;
    }

    __syncthreads();
    if (threadIdx.x >= pairs * Rows || firstRow + threadIdx.x >= a.rows) return;
    int pair = threadIdx.x / Rows, r = threadIdx.x % Rows;
    float y = 0;
    for (int part = 0; part < a.warpsPerRow; part++) y += partial[pair * a.warpsPerRow + part][r];
    if (a.yType == FLOAT32) store((float*)a.y + firstRow + threadIdx.x, y);
    else store((bf16*)a.y + firstRow + threadIdx.x, y);
}

template <bool Nested>
__device__ __forceinline__ void multiply_nf4(const MatVecNf4Args& a) {
    __shared__ float values[16][WARP];
    __shared__ float scaleValues[Nested ? 256 : 1];
    multiply(Nf4<Nested>(a, values, scaleValues), a.product);
}

template <typename T>
__device__ __forceinline__ void multiply_dense(const MatVecArgs& a) { multiply(Dense<T>{(const T*)a.weight}, a); }

extern "C" __global__ void __launch_bounds__(256) matvec_nf4(MatVecNf4Args a) { after_previous_kernel(); multiply_nf4<false>(a); }
extern "C" __global__ void __launch_bounds__(256) matvec_nf4_nested(MatVecNf4Args a) { after_previous_kernel(); multiply_nf4<true>(a); }
extern "C" __global__ void __launch_bounds__(256) matvec_bf16(MatVecArgs a) { after_previous_kernel(); multiply_dense<bf16>(a); }
extern "C" __global__ void __launch_bounds__(256) matvec_fp16(MatVecArgs a) { after_previous_kernel(); multiply_dense<half>(a); }
extern "C" __global__ void __launch_bounds__(256) matvec_fp32(MatVecArgs a) { after_previous_kernel(); multiply_dense<float>(a); }
