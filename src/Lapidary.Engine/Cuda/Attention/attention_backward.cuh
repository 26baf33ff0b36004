#pragma once
// The backward pass: attention_backward_queries.cu forms dq and what the keys need, then attention_backward_keys.cu forms dk and dv.
#include "attention.cuh"

// P = exp(s·q·kᵀ − lse), D = Σ dO·O, dS = P ∘ (dO·vᵀ − D); dq = s·dS·k, dk = s·dSᵀ·q, dv = Pᵀ·dO. P is formed again from lse in both
// passes; no two blocks write one row, so nothing needs atomics and the sums have one order.
struct AttentionBackwardArgs {
    const act* dO;
    const act* q;
    const act* k;
    const act* v;
    const act* o;
    const float* lse;
    Visibility visibility;
    act* dq;
    act* dk;
    act* dv;
    float* delta;     // [heads, tokens]: D, written by queries
    int* lastQueries; // [tiles of keys]: the last token that sees the tile, written by queries
    float* partials;  // [splits, 2, tokens, kvHeads · headDim]: dk / s and dv of each split of a group of query heads; null for one split
    int heads, kvHeads, headDim, splits;
    int keys; // of a tile of keys
    float scale;
};
