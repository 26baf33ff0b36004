#pragma once
// What the kernels of LoRA's thin product down to its rank share: y = scale · (x ∘ mask) · aᵀ for every slice.
#include "low_rank.cuh"

struct LowRankDownArgs {
    const act* x;          // [tokens, dim]
    act* rows;             // [tokens, width]: x and every y side by side, for a product with both; or null
    const float* a[8];     // [ranks, dim]
    act* y[8];             // [tokens, ranks], rows yStride apart; or null
    const int64* seed[8];
    int stream[8];
    uint32 threshold[8];
    float scale[8];
    int ranks[8];          // at most 16
    int yStride[8];
    int column[8];         // of rows, where y begins; padded with zeros to a multiple of 8
    int count, tokens, dim, width;
    int copies;            // whether x is to be written to rows
};

// Eight elements of x to their place in rows.
__device__ __forceinline__ void copy_to_rows(const LowRankDownArgs& a, int64 token, int column, const uint4& x) {
    if (token < a.tokens && column < a.dim) *(uint4*)(a.rows + token * a.width + column) = x;
}

__device__ __forceinline__ void store_down(const LowRankDownArgs& a, int s, int64 token, int rank, float sum) {
    if (token >= a.tokens) return;
    act y = to_act(sum * a.scale[s]);   // 0 behind the last rank
    if (a.y[s] && rank < a.ranks[s]) a.y[s][token * a.yStride[s] + rank] = y;
    if (a.rows && rank < round_up8(a.ranks[s])) a.rows[token * a.width + a.column[s] + rank] = y;
}
