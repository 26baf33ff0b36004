// LoRA's two thin products, on tensor cores with fp32 sums. Both read the wide matrix once, 16 bytes at a time, straight into fragments: a lane takes
// 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2, and the other factor's rows or columns are permuted alike.
#include "dropout.cuh"
#include "elements.cuh"

// Elements first to first + 8 of a row of dim, as bf16 pairs; zeros behind the row's end. Aligned where dim % 8 == 0.
__device__ __forceinline__ uint4 load8(const bf16* row, int first, int dim, bool aligned) {
    if (aligned) return first < dim ? *(const uint4*)(row + first) : make_uint4(0, 0, 0, 0);
    bf16x8 x = {};
    for (int i = 0; i < 8 && first + i < dim; i++) ((bf16*)&x)[i] = row[first + i];
    return *(uint4*)&x;
}

// The same of fp32, rounded to bf16.
__device__ __forceinline__ uint4 load8(const float* row, int first, int dim, bool aligned) {
    float x[8] = {};
    if (aligned) {
        if (first < dim) load(row + first, x);
    } else {
        for (int i = 0; i < 8 && first + i < dim; i++) x[i] = row[first + i];
    }

    return make_uint4(pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]), pack_bf16(x[4], x[5]), pack_bf16(x[6], x[7]));
}

__device__ __forceinline__ uint32 masked(const Mask& mask, uint32 key, int64 index, uint32 pair) {
    if (!mask.keeps(key, index)) pair &= 0xffff0000u;
    if (!mask.keeps(key, index + 1)) pair &= 0x0000ffffu;
    return pair;
}

// --- low_rank_down: y = scale · (x ∘ mask) · aᵀ. Grid: x: 16 tokens, y: N columns; 8 warps that take every eighth run of 32 of the sum.

struct LowRankDownArgs {
    const bf16* x;  // [tokens, dim]
    const float* a; // [r, dim]
    bf16* y;        // [tokens, r]
    Mask mask;
    float scale;
    int tokens, dim, r;
};

template <int N>
__device__ __forceinline__ void low_rank_down(const LowRankDownArgs& a) {
    constexpr int Warps = 8;
    __shared__ float sums[Warps][16][N + 1];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    int64 row[2] = {(int64)blockIdx.x * 16 + g, (int64)blockIdx.x * 16 + g + 8};
    int firstColumn = blockIdx.y * N;
    bool aligned = a.dim % 8 == 0;
    uint32 key = a.mask.key();

    float c[N / 8][4] = {};
#pragma unroll 2
    for (int k = warp * 32 + t * 8; k < (a.dim + 31) / 32 * 32 + t * 8; k += Warps * 32) {
        uint4 x[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            x[i] = row[i] < a.tokens ? load8(a.x + row[i] * a.dim, k, a.dim, aligned) : make_uint4(0, 0, 0, 0);
            if (a.mask.threshold == 0) continue;
            int64 index = row[i] * a.dim + k;
            x[i].x = masked(a.mask, key, index, x[i].x);
            x[i].y = masked(a.mask, key, index + 2, x[i].y);
            x[i].z = masked(a.mask, key, index + 4, x[i].z);
            x[i].w = masked(a.mask, key, index + 6, x[i].w);
        }

        uint32 low[4] = {x[0].x, x[1].x, x[0].y, x[1].y}, high[4] = {x[0].z, x[1].z, x[0].w, x[1].w};
#pragma unroll
        for (int n = 0; n < N / 8; n++) {
            int column = firstColumn + n * 8 + g;
            uint4 b = column < a.r ? load8(a.a + (int64)column * a.dim, k, a.dim, aligned) : make_uint4(0, 0, 0, 0);
            mma_bf16(c[n], low, b.x, b.y);
            mma_bf16(c[n], high, b.z, b.w);
        }
    }

#pragma unroll
    for (int n = 0; n < N / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) sums[warp][g + i / 2 * 8][n * 8 + 2 * t + i % 2] = c[n][i];
    }

    __syncthreads();
    for (int i = threadIdx.x; i < 16 * N; i += Warps * WARP) {
        int64 token = (int64)blockIdx.x * 16 + i / N;
        int column = firstColumn + i % N;
        if (token >= a.tokens || column >= a.r) continue;
        float sum = 0;
        for (int w = 0; w < Warps; w++) sum += sums[w][i / N][i % N];
        a.y[token * a.r + column] = to_bf16(sum * a.scale);
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_down_16(LowRankDownArgs a) { low_rank_down<16>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_down_32(LowRankDownArgs a) { low_rank_down<32>(a); }

// --- low_rank_up: y = source + Σ scale · mask ∘ (p · m), plus y itself where add. Grid: x: 256 columns, y: 32 tokens; a warp has 32 columns.
// m is [r, dim] (LoRA's A), or [dim, r] in the _transposed kernel (LoRA's B). source may be y.

struct LowRankUpArgs {
    const bf16* source; // [tokens, dim], rows sourceStride apart
    bf16* y;            // [tokens, dim]
    const bf16* p[3];   // [tokens, r] each, rows pStride apart
    const float* m[3];
    const int64* seed[3];
    int stream[3];
    uint32 threshold[3];
    float scale[3];
    int r[3];
    int64 sourceStride;
    int64 pStride;
    int count, tokens, dim, add;
};

// Two neighbours of a row of r, zero behind its end.
__device__ __forceinline__ uint32 load2(const bf16* row, int first, int r) {
    bf16x2 x = {};
    if (first < r) x.x = row[first];
    if (first + 1 < r) x.y = row[first + 1];
    return *(uint32*)&x;
}

template <bool Transposed>
__device__ __forceinline__ float element(const float* m, int k, int column, int r, int dim) {
    if (k >= r || column >= dim) return 0;
    return Transposed ? m[(int64)column * r + k] : m[(int64)k * dim + column];
}

__device__ __forceinline__ void add8(const bf16* row, int first, int dim, bool aligned, float (&sum)[8]) {
    uint4 words = load8(row, first, dim, aligned);
    float x[8];
    load((const bf16*)&words, x);
#pragma unroll
    for (int j = 0; j < 8; j++) sum[j] += x[j];
}

template <bool Transposed>
__device__ __forceinline__ void low_rank_up(const LowRankUpArgs& a) {
    constexpr int Runs = 2;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    int column = blockIdx.x * 256 + warp * 32, own = column + 8 * t; // the first of the warp's columns, and of the lane's 8
    if (column >= a.dim) return;
    int64 firstToken = (int64)blockIdx.y * 16 * Runs;
    bool alignedSource = a.dim % 8 == 0 && a.sourceStride % 8 == 0, aligned = a.dim % 8 == 0;

    float sums[Runs][2][8] = {}; // of runs of 16 tokens: rows g and g + 8, the lane's 8 columns
#pragma unroll 1
    for (int i = 0; i < a.count; i++) {
        const float* m = a.m[i];
        Mask mask = {a.seed[i], a.stream[i], a.threshold[i]};
        int r = a.r[i];
        float c[Runs][4][4] = {}; // runs of tokens, tiles of 8 columns
#pragma unroll 1
        for (int k = 0; k < r; k += 16) {
            uint32 b[4][2];
#pragma unroll
            for (int n = 0; n < 4; n++) { // column g of tile n is the one that lane g / 2 of a row stores as its element 2n + g % 2
                int at = column + g / 2 * 8 + 2 * n + g % 2;
#pragma unroll
                for (int h = 0; h < 2; h++)
                    b[n][h] = pack_bf16(
                        element<Transposed>(m, k + 8 * h + 2 * t, at, r, a.dim), element<Transposed>(m, k + 8 * h + 2 * t + 1, at, r, a.dim));
            }

#pragma unroll
            for (int run = 0; run < Runs; run++) {
                int64 low = firstToken + run * 16 + g, high = low + 8;
                const bf16 *lowRow = a.p[i] + low * a.pStride, *highRow = a.p[i] + high * a.pStride;
                uint32 p[4] = {
                    low < a.tokens ? load2(lowRow, k + 2 * t, r) : 0, high < a.tokens ? load2(highRow, k + 2 * t, r) : 0,
                    low < a.tokens ? load2(lowRow, k + 8 + 2 * t, r) : 0, high < a.tokens ? load2(highRow, k + 8 + 2 * t, r) : 0,
                };
#pragma unroll
                for (int n = 0; n < 4; n++) mma_bf16(c[run][n], p, b[n][0], b[n][1]);
            }
        }

        uint32 key = mask.key();
#pragma unroll
        for (int run = 0; run < Runs; run++) {
#pragma unroll
            for (int j = 0; j < 16; j++) {
                int64 token = firstToken + run * 16 + g + j / 8 * 8;
                bool keeps = mask.threshold == 0 || mask.keeps(key, token * a.dim + own + j % 8);
                if (keeps) sums[run][j / 8][j % 8] += a.scale[i] * c[run][j % 8 / 2][j / 8 * 2 + j % 2];
            }
        }
    }

#pragma unroll
    for (int run = 0; run < Runs; run++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int64 token = firstToken + run * 16 + g + h * 8;
            if (token >= a.tokens || own >= a.dim) continue;
            float(&sum)[8] = sums[run][h];
            bf16* y = a.y + token * a.dim;
            add8(a.source + token * a.sourceStride, own, a.dim, alignedSource, sum);
            if (a.add) add8(y, own, a.dim, aligned, sum);
            if (aligned) store(y + own, sum);
            else {
                for (int j = 0; j < 8 && own + j < a.dim; j++) y[own + j] = to_bf16(sum[j]);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_up(const __grid_constant__ LowRankUpArgs a) { low_rank_up<false>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed(const __grid_constant__ LowRankUpArgs a) { low_rank_up<true>(a); }
