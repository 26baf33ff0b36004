// Gradients of LoRA's matrices: out += scale · pᵀ · (x ∘ mask), sums over tokens. A unit is a matrix x and up to three slices that need it.
// Tensor cores, fp32 sums in a fixed order: tokens are split among blocks, whose sums low_rank_gradient_join adds.
#include "low_rank.cuh"

constexpr int UnitSlices = 3, Columns = 256, Tokens = 32, Stages = 3, Threads = 256;
constexpr int XStride = Columns + 8, PStride = UnitSlices * SliceRanks + 8, StageElements = Tokens * (XStride + PStride);

// Slice s of unit u is number 3u + s. Its result for a rank and a column lies at rank · rankStride + column · columnStride behind `at`,
// among the partial sums of a split.
struct LowRankGradientArgs {
    const act* x[16];      // [tokens, dim]
    int dim[16];
    int firstStrip[17];    // strips of 256 columns before the unit's
    int slices[16];
    const act* p[48];      // [tokens, ranks], rows pStride apart; if that is a multiple of 8, read to a multiple of 8 ranks
    const int64* seed[48];
    int64 at[48];
    int pStride[48];
    int ranks[48];         // at most 16
    int rankStride[48];
    int columnStride[48];
    int stream[48];
    uint32 threshold[48];
    float scale[48];
    float* partials;       // [splits, length]
    int64 length;
    int tokens, tokensPerSplit; // a multiple of 32
};

// A block's strip over its tokens: 8 warps of 32 columns. A tile of 32 tokens is fetched two ahead of its use.
template <bool Masked, bool Aligned>
__device__ __forceinline__ void sum_split(const LowRankGradientArgs& a, int unit) {
    extern __shared__ uint4 shared[];
    act* stages = (act*)shared;
    int dim = a.dim[unit], slices = a.slices[unit], firstColumn = (blockIdx.x - a.firstStrip[unit]) * Columns, number = unit * UnitSlices;
    int start = blockIdx.y * a.tokensPerSplit, end = min(a.tokens, start + a.tokensPerSplit);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;

    // A thread fetches 8 columns of every eighth row of x; the first 192 fetch 8 ranks of a row of a slice's p each. Zeros from a row's end
    // on.
    int xRow = threadIdx.x / WARP, xColumn = firstColumn + lane * 8, xEnd = xColumn < dim ? end - xRow : 0;
    int pRow = threadIdx.x / 2 % Tokens, pSlice = threadIdx.x / 2 / Tokens, pRank = threadIdx.x % 2 * 8;
    int pNumber = number + min(pSlice, slices - 1), pStride = a.pStride[pNumber];
    int pEnd = pSlice < slices && pRank < a.ranks[pNumber] ? end - pRow : 0;
    const act *x = a.x[unit] + (int64)(start + xRow) * dim + xColumn, *p = a.p[pNumber] + (int64)(start + pRow) * pStride + pRank;
    auto fetch_tile = [&](int slot, int first) { // tiles in their order
        act *xs = stages + slot * StageElements + xRow * XStride + lane * 8, *ps = stages + slot * StageElements + Tokens * XStride;
#pragma unroll
        for (int row = 0; row < Tokens; row += Threads / WARP)
            fetch8<Aligned>(xs + row * XStride, x + (int64)row * dim, first + row < xEnd, dim - xColumn);
        act* to = ps + pRow * PStride + pSlice * SliceRanks + pRank;
        if (pSlice < UnitSlices) {
            if (pStride % 8 == 0) fetch8<true>(to, p, first < pEnd, 8);
            else fetch8<false>(to, p, first < pEnd, a.ranks[pNumber] - pRank);
        }

        x += (int64)Tokens * dim;
        p += (int64)Tokens * pStride;
    };

    uint32 keys[UnitSlices] = {}, firstElement = 0; // the same of all masks, as they are of the same tokens
#pragma unroll
    for (int s = 0; s < UnitSlices; s++) {
        Mask mask = Masked && s < slices ? Mask{a.seed[number + s], a.stream[number + s], a.threshold[number + s]} : Mask{};
        keys[s] = mask.key();
        if (mask.threshold != 0) firstElement = mask.first(dim);
    }

    float c[UnitSlices][4][4] = {};
    for (int stage = 0; stage < Stages - 1; stage++) {
        if (start + stage * Tokens < end) fetch_tile(stage, start + stage * Tokens);
        cp_async_commit();
    }

    for (int first = start, slot = 0; first < end; first += Tokens, slot = slot + 1 == Stages ? 0 : slot + 1) {
        cp_async_wait_groups<Stages - 2>();
        __syncthreads(); // this tile is there, and the one before it is free
        int ahead = first + (Stages - 1) * Tokens;
        if (ahead < end) fetch_tile(slot == 0 ? Stages - 1 : slot - 1, ahead);
        cp_async_commit();
        const act *xs = stages + slot * StageElements, *ps = xs + Tokens * XStride;
#pragma unroll(Masked ? 1 : Tokens / 16)
        for (int row = 0; row < Tokens; row += 16) {
            uint32 values[2][4]; // of each 16 columns: 0 to 7 at tokens 2t and 2t + 8, then 8 to 15
#pragma unroll
            for (int s = 0; s < UnitSlices; s++) {
                if (s >= slices) continue;
                int n = number + s;
                if (s == 0 || (Masked && a.stream[n] != a.stream[n - 1])) { // another adapter, another mask
#pragma unroll
                    for (int half = 0; half < 2; half++)
                        ldmatrix_x4_trans(values[half], xs + (row + lane % 16) * XStride + warp * 32 + half * 16 + lane / 16 * 8);
                    Mask mask = {a.seed[n], a.stream[n], a.threshold[n]};
#pragma unroll
                    for (int i = 0; i < 8 && Masked && mask.threshold != 0; i++) {
                        uint32 token = first + row + 2 * t + i % 2 * 8;
                        uint32 index = firstElement + token * dim + firstColumn + warp * 32 + i / 2 * 8 + g;
                        values[i / 4][i % 4] = masked(mask, keys[s], index, index + dim, values[i / 4][i % 4]);
                    }
                }

                uint32 left[4]; // ranks 0 to 7 and 8 to 15 at tokens 0 to 7, then at 8 to 15
                ldmatrix_x4_trans(left, ps + (row + lane % 8 + lane / 16 * 8) * PStride + s * SliceRanks + lane / 8 % 2 * 8);
#pragma unroll
                for (int tile = 0; tile < 4; tile++)
                    mma(c[s][tile], left, values[tile / 2][tile % 2 * 2], values[tile / 2][tile % 2 * 2 + 1]);
            }
        }
    }

    float* partials = a.partials + blockIdx.y * a.length;
#pragma unroll
    for (int s = 0; s < UnitSlices; s++) {
        if (s >= slices) continue;
        int n = number + s;
#pragma unroll
        for (int i = 0; i < 16; i++) {
            int rank = g + i / 2 % 2 * 8, column = firstColumn + warp * 32 + i / 4 * 8 + 2 * t + i % 2;
            if (rank < a.ranks[n] && column < dim)
                partials[a.at[n] + (int64)rank * a.rankStride[n] + (int64)column * a.columnStride[n]] = c[s][i / 4][i % 4] * a.scale[n];
        }
    }
}

__device__ __forceinline__ int own_unit(const LowRankGradientArgs& a) {
    int unit = 0;
    while ((int)blockIdx.x >= a.firstStrip[unit + 1]) unit++;
    return unit;
}

__device__ __forceinline__ bool is_masked(const LowRankGradientArgs& a, int unit) {
    bool masked = false;
    for (int s = 0; s < a.slices[unit]; s++) masked |= a.threshold[unit * UnitSlices + s] != 0;
    return masked;
}

// Grid: x: strips of all units, y: splits. Shared memory: the tiles of x and p under way, Stages of [32, 264] and [32, 56] of act.
// Without masks:
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_gradient(const __grid_constant__ LowRankGradientArgs a) {
    after_previous_kernel();
    sum_split<false, true>(a, own_unit(a));
}

// With masks for some of the units:
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_gradient_masked(const __grid_constant__ LowRankGradientArgs a) {
    after_previous_kernel();
    int unit = own_unit(a);
    if (is_masked(a, unit)) sum_split<true, true>(a, unit);
    else sum_split<false, true>(a, unit);
}

// For rows that are no multiple of 8 elements:
extern "C" __global__ void __launch_bounds__(256) low_rank_gradient_unaligned(const __grid_constant__ LowRankGradientArgs a) {
    after_previous_kernel();
    sum_split<true, false>(a, own_unit(a));
}

// The gradients lie one after the other among the partial sums of a split.
struct LowRankGradientJoinArgs {
    const float* partials; // [splits, length]
    float* out[6];
    int64 first[7];        // where each begins, and the length
    int count, splits;
};

extern "C" __global__ void low_rank_gradient_join(const __grid_constant__ LowRankGradientJoinArgs a) {
    after_previous_kernel();
    int64 length = a.first[a.count];
    for (int64 i = thread_index(); i < length; i += thread_count()) {
        int which = 0;
        while (i >= a.first[which + 1]) which++;
        float sum = 0;
        for (int split = 0; split < a.splits; split++) sum += a.partials[split * length + i];
        a.out[which][i - a.first[which]] += sum;
    }
}
