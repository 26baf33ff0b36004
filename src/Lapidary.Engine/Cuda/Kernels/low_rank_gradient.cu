// Gradients of LoRA's matrices: out += scale · pᵀ · (x ∘ mask), sums over tokens. A unit is a matrix x and up to three slices that need it. Tensor cores,
// fp32 sums in a fixed order: tokens are split among blocks, whose sums low_rank_gradient_join adds.
#include "low_rank.cuh"

constexpr int UnitSlices = 3, Columns = 256, Tokens = 16, Stages = 4, XStride = Columns + 8, PStride = UnitSlices * SliceRanks + 8;

// Slice s of unit u is number 3u + s. Its result for a rank and a column lies at rank · rankStride + column · columnStride behind `at`, among the
// partial sums of a split.
struct LowRankGradientArgs {
    const bf16* x[8];      // [tokens, dim]
    int dim[8];
    int firstStrip[9];     // strips of 256 columns before the unit's
    int slices[8];
    const bf16* p[24];     // [tokens, ranks], rows pStride apart
    const int64* seed[24];
    int64 at[24];
    int pStride[24];
    int ranks[24];         // at most 16
    int rankStride[24];
    int columnStride[24];
    int stream[24];
    uint32 threshold[24];
    float scale[24];
    float* partials;       // [splits, length]
    int64 length;
    int tokens, tokensPerSplit; // a multiple of 16
};

// Grid: x: strips of all units, y: splits. 8 warps of 32 columns.
extern "C" __global__ void __launch_bounds__(256) low_rank_gradient(const __grid_constant__ LowRankGradientArgs a) {
    after_previous_kernel();
    __shared__ alignas(16) bf16 xs[Stages][Tokens * XStride], ps[Stages][Tokens * PStride];
    int unit = 0;
    while ((int)blockIdx.x >= a.firstStrip[unit + 1]) unit++;
    int dim = a.dim[unit], slices = a.slices[unit], firstColumn = (blockIdx.x - a.firstStrip[unit]) * Columns, number = unit * UnitSlices;
    int start = blockIdx.y * a.tokensPerSplit, end = min(a.tokens, start + a.tokensPerSplit);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
    const bf16* x = a.x[unit];

    auto load_tiles = [&](int slot, int first) {
        for (int i = threadIdx.x; i < Tokens * Columns / 8; i += 256) {
            int row = i / (Columns / 8), column = firstColumn + i % (Columns / 8) * 8, token = first + row;
            bf16* to = xs[slot] + row * XStride + i % (Columns / 8) * 8;
            bool valid = token < end && column < dim;
            const bf16* from = x + (int64)token * dim + column;
            if (dim % 8 == 0) cp_async16(to, valid ? from : x, valid);
            else {
                for (int j = 0; j < 8; j++) to[j] = token < end && column + j < dim ? from[j] : bf16{0};
            }
        }

        for (int i = threadIdx.x; i < Tokens * slices * 2; i += 256) {
            int row = i / (slices * 2), s = i % (slices * 2) / 2, rank = i % 2 * 8, token = first + row, n = number + s;
            bf16* to = ps[slot] + row * PStride + s * SliceRanks + rank;
            const bf16* from = a.p[n] + (int64)token * a.pStride[n] + rank;
            if (a.pStride[n] % 8 == 0 && a.ranks[n] % 8 == 0) {
                bool valid = token < end && rank < a.ranks[n];
                cp_async16(to, valid ? from : a.p[n], valid);
            } else {
                for (int j = 0; j < 8; j++) to[j] = token < end && rank + j < a.ranks[n] ? from[j] : bf16{0};
            }
        }
    };

    float c[UnitSlices][4][4] = {};
    for (int stage = 0; stage < Stages - 1; stage++) {
        if (start + stage * Tokens < end) load_tiles(stage, start + stage * Tokens);
        cp_async_commit();
    }

    for (int first = start, slot = 0; first < end; first += Tokens, slot = (slot + 1) % Stages) {
        cp_async_wait_groups<Stages - 2>();
        __syncthreads(); // this tile is there, and the one before it is free
        int ahead = first + (Stages - 1) * Tokens;
        if (ahead < end) load_tiles((slot + Stages - 1) % Stages, ahead);
        cp_async_commit();
        uint32 values[2][4], kept[2][4] = {}; // of each 16 columns: 0 to 7 at tokens 2t and 2t + 8, then 8 to 15
#pragma unroll
        for (int half = 0; half < 2; half++) ldmatrix_x4_trans(values[half], xs[slot] + lane % 16 * XStride + warp * 32 + half * 16 + lane / 16 * 8);
#pragma unroll
        for (int s = 0; s < UnitSlices; s++) {
            if (s >= slices) continue;
            int n = number + s;
            Mask mask = {a.seed[n], a.stream[n], a.threshold[n]};
            if (s == 0 || a.stream[n] != a.stream[n - 1]) { // another adapter, another mask
                uint32 key = mask.key();
#pragma unroll
                for (int i = 0; i < 8; i++) {
                    int64 index = (int64)(first + 2 * t + i % 2 * 8) * dim + firstColumn + warp * 32 + i / 2 * 8 + g;
                    uint32 pair = values[i / 4][i % 4];
                    kept[i / 4][i % 4] = mask.threshold == 0 ? pair : masked(mask, key, index, index + dim, pair);
                }
            }

            uint32 p[4]; // ranks 0 to 7 and 8 to 15 at tokens 0 to 7, then at 8 to 15
            ldmatrix_x4_trans(p, ps[slot] + (lane % 8 + lane / 16 * 8) * PStride + s * SliceRanks + lane / 8 % 2 * 8);
#pragma unroll
            for (int tile = 0; tile < 4; tile++) mma_bf16(c[s][tile], p, kept[tile / 2][tile % 2 * 2], kept[tile / 2][tile % 2 * 2 + 1]);
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
