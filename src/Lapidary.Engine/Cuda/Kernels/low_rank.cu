// LoRA's thin products down to its rank and up from it, on tensor cores with fp32 sums. The wide matrix is read once for all slices, 16 bytes at a
// time, straight into fragments: a lane takes 8 neighbouring elements where the instruction would have 2 + 2 + 2 + 2, and the other factor's rows or
// columns are permuted alike.
#include "low_rank.cuh"

// --- low_rank_down: y = scale · (x ∘ mask) · aᵀ for every slice. Grid: 16 · RowTiles tokens to a block of 16 warps, each of which takes every
// sixteenth run of 32 of the sum.

struct LowRankDownArgs {
    const bf16* x;         // [tokens, dim]
    const float* a[8];     // [ranks, dim]
    bf16* y[8];            // [tokens, ranks], rows yStride apart
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];          // at most 16
    int yStride[8];
    int count, tokens, dim;
};

template <int Slices, int RowTiles>
__device__ __forceinline__ void low_rank_down(const LowRankDownArgs& a) {
    constexpr int Warps = 16, Tokens = 16 * RowTiles;
    __shared__ float sums[Warps][Tokens][SliceRanks + 1];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    int64 firstToken = (int64)blockIdx.x * Tokens;
    bool aligned = a.dim % 8 == 0;

    float c[Slices][RowTiles][2][4] = {};
#pragma unroll(Slices == 1 ? 4 : 2)
    for (int chunk = warp * 32; chunk < a.dim; chunk += Warps * 32) {
        int k = chunk + t * 8;
        uint4 x[RowTiles][2], kept[RowTiles][2] = {};
#pragma unroll
        for (int tile = 0; tile < RowTiles; tile++) {
#pragma unroll
            for (int h = 0; h < 2; h++) {
                int64 token = firstToken + tile * 16 + h * 8 + g;
                x[tile][h] = token < a.tokens ? load8(a.x + token * a.dim, k, a.dim, aligned) : make_uint4(0, 0, 0, 0);
            }
        }

#pragma unroll
        for (int s = 0; s < Slices; s++) {
            if (s >= a.count) continue;
            uint4 b[2];
#pragma unroll
            for (int n = 0; n < 2; n++) {
                int rank = n * 8 + g;
                b[n] = rank < a.ranks[s] ? load8(a.a[s] + (int64)rank * a.dim, k, a.dim, aligned) : make_uint4(0, 0, 0, 0);
            }

            Mask mask = {a.seed[s], a.stream[s], a.threshold[s]};
            if (s == 0 || a.stream[s] != a.stream[s - 1]) { // another adapter, another mask
                uint32 key = mask.key();
#pragma unroll
                for (int tile = 0; tile < RowTiles; tile++) {
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        int64 index = (firstToken + tile * 16 + h * 8 + g) * a.dim + k;
                        uint4 words = x[tile][h];
                        kept[tile][h] = mask.threshold == 0 ? words : make_uint4(
                            masked(mask, key, index, index + 1, words.x), masked(mask, key, index + 2, index + 3, words.y),
                            masked(mask, key, index + 4, index + 5, words.z), masked(mask, key, index + 6, index + 7, words.w));
                    }
                }
            }

#pragma unroll
            for (int tile = 0; tile < RowTiles; tile++) {
                uint4 low = kept[tile][0], high = kept[tile][1];
                uint32 first[4] = {low.x, high.x, low.y, high.y}, second[4] = {low.z, high.z, low.w, high.w};
#pragma unroll
                for (int n = 0; n < 2; n++) {
                    mma_bf16(c[s][tile][n], first, b[n].x, b[n].y);
                    mma_bf16(c[s][tile][n], second, b[n].z, b[n].w);
                }
            }
        }
    }

#pragma unroll
    for (int s = 0; s < Slices; s++) {
        if (s >= a.count) break;
        __syncthreads(); // the sums of the slice before are read
#pragma unroll
        for (int tile = 0; tile < RowTiles; tile++) {
#pragma unroll
            for (int i = 0; i < 8; i++) sums[warp][tile * 16 + g + i / 2 % 2 * 8][i / 4 * 8 + 2 * t + i % 2] = c[s][tile][i / 4][i % 4];
        }

        __syncthreads();
        for (int i = threadIdx.x; i < Tokens * SliceRanks; i += Warps * WARP) {
            int row = i / SliceRanks, rank = i % SliceRanks;
            int64 token = firstToken + row;
            if (token >= a.tokens || rank >= a.ranks[s]) continue;
            float sum = 0;
            for (int w = 0; w < Warps; w++) sum += sums[w][row][rank];
            a.y[s][token * a.yStride[s] + rank] = to_bf16(sum * a.scale[s]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(512) low_rank_down_1x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<1, 1>(a); }
extern "C" __global__ void __launch_bounds__(512) low_rank_down_1x32(const __grid_constant__ LowRankDownArgs a) { low_rank_down<1, 2>(a); }
extern "C" __global__ void __launch_bounds__(512) low_rank_down_3x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<3, 1>(a); }
extern "C" __global__ void __launch_bounds__(512) low_rank_down_3x32(const __grid_constant__ LowRankDownArgs a) { low_rank_down<3, 2>(a); }
extern "C" __global__ void __launch_bounds__(512) low_rank_down_8x16(const __grid_constant__ LowRankDownArgs a) { low_rank_down<8, 1>(a); }

// --- low_rank_up: y = source + Σ scale · mask ∘ (p · m), plus y itself where add. Grid: x: 256 columns, y: 16 · runs tokens; 8 warps of 32 columns.
// m is [ranks, dim] (LoRA's A), or [dim, ranks] with rows mStride apart in the _transposed kernel (LoRA's B). source may be y. Shared memory: the
// block's part of every m as pairs of ranks, [count, 8, 258] words: the stride puts the four rows that a warp reads at once in different banks.

struct LowRankUpArgs {
    const bf16* source;   // [tokens, dim], rows sourceStride apart
    bf16* y;              // [tokens, dim]
    const bf16* p[8];     // [tokens, ranks], rows pStride apart
    const float* m[8];
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];         // at most 16
    int pStride[8];
    int mStride[8];
    int64 sourceStride;
    int count, tokens, dim, runs, add;
};

constexpr int UpColumns = 256, UpStride = UpColumns + 2;

template <bool Transposed>
__device__ __forceinline__ float element(const LowRankUpArgs& a, int s, int rank, int column) {
    if (rank >= a.ranks[s] || column >= a.dim) return 0;
    return Transposed ? a.m[s][(int64)column * a.mStride[s] + rank] : a.m[s][(int64)rank * a.dim + column];
}

// Two neighbours of a row of p, zero behind its end.
__device__ __forceinline__ uint32 load2(const bf16* row, int first, int ranks, bool aligned) {
    if (aligned && first + 1 < ranks) return *(const uint32*)(row + first);
    bf16x2 x = {};
    if (first < ranks) x.x = row[first];
    if (first + 1 < ranks) x.y = row[first + 1];
    return *(uint32*)&x;
}

__device__ __forceinline__ void add8(const uint4& words, float (&sum)[8]) {
    float x[8];
    load((const bf16*)&words, x);
#pragma unroll
    for (int j = 0; j < 8; j++) sum[j] += x[j];
}

template <bool Transposed>
__device__ __forceinline__ void low_rank_up(const LowRankUpArgs& a) {
    extern __shared__ uint32 shared[];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4, blockColumn = blockIdx.x * UpColumns;
    for (int i = threadIdx.x; i < a.count * 8 * UpColumns; i += blockDim.x) {
        int s = i / (8 * UpColumns), pair = i / UpColumns % 8, column = i % UpColumns;
        shared[(s * 8 + pair) * UpStride + column] = pack_bf16(
            element<Transposed>(a, s, 2 * pair, blockColumn + column), element<Transposed>(a, s, 2 * pair + 1, blockColumn + column));
    }

    __syncthreads();
    int own = blockColumn + warp * 32 + 8 * t; // the first of the lane's 8 columns
    bool aligned = a.dim % 8 == 0, alignedSource = aligned && a.sourceStride % 8 == 0;
    int64 token = (int64)blockIdx.y * 16 * a.runs + g;
    auto load_source = [&](int64 row) {
        return row < a.tokens ? load8(a.source + row * a.sourceStride, own, a.dim, alignedSource) : make_uint4(0, 0, 0, 0);
    };
    uint4 source[2] = {load_source(token), load_source(token + 8)};
    for (int run = 0; run < a.runs; run++, token += 16) {
        uint4 next[2] = {};
        if (run + 1 < a.runs) next[0] = load_source(token + 16), next[1] = load_source(token + 24);

        float sum[2][8] = {}, c[4][4] = {}; // rows token and token + 8 of the lane's columns; tiles of 8 columns
        for (int s = 0; s < a.count; s++) {
            bool alignedPair = a.pStride[s] % 2 == 0;
            uint32 p[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int64 row = token + i % 2 * 8;
                p[i] = row < a.tokens ? load2(a.p[s] + row * a.pStride[s], i / 2 * 8 + 2 * t, a.ranks[s], alignedPair) : 0;
            }

#pragma unroll
            for (int n = 0; n < 4; n++) { // column g of tile n is the one that lane g / 2 of a row stores as its element 2n + g % 2
                const uint32* m = shared + (s * 8 + t) * UpStride + warp * 32 + g / 2 * 8 + 2 * n + g % 2;
                mma_bf16(c[n], p, m[0], m[4 * UpStride]);
            }

            if (s + 1 < a.count && a.stream[s + 1] == a.stream[s]) continue; // more ranks of the same adapter
            Mask mask = {a.seed[s], a.stream[s], a.threshold[s]};
            uint32 key = mask.key();
#pragma unroll
            for (int i = 0; i < 16; i++) {
                float& value = c[i % 8 / 2][i / 8 * 2 + i % 2];
                if (mask.threshold == 0 || mask.keeps(key, (token + i / 8 * 8) * a.dim + own + i % 8)) sum[i / 8][i % 8] += a.scale[s] * value;
                value = 0;
            }
        }

#pragma unroll
        for (int h = 0; h < 2; h++) {
            int64 row = token + h * 8;
            if (row < a.tokens && own < a.dim) {
                bf16* y = a.y + row * a.dim;
                add8(source[h], sum[h]);
                if (a.add) add8(load8(y, own, a.dim, aligned), sum[h]);
                if (aligned) store(y + own, sum[h]);
                else {
                    for (int j = 0; j < 8 && own + j < a.dim; j++) y[own + j] = to_bf16(sum[h][j]);
                }
            }

            source[h] = next[h];
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) low_rank_up(const __grid_constant__ LowRankUpArgs a) { low_rank_up<false>(a); }
extern "C" __global__ void __launch_bounds__(256) low_rank_up_transposed(const __grid_constant__ LowRankUpArgs a) { low_rank_up<true>(a); }
