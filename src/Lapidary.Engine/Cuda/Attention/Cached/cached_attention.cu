// Grid: x: key heads, with groups of more than 16 query heads in several parts; y: blocks that share the chunks of 64 positions; z: rows.
// 8 warps. The kernel's number is the largest headDim; _any takes every even one, the others multiples of 8, 16 bytes at once.
// A block multiplies by tensor cores 16 queries: the heads of a row, or of neighbours in one text, whose keys and values are then read
// once. Chunks lie at multiples of 64 positions. Each has its own softmax, and chunks are joined in order: by the block that walks all of
// them, or by the last of several blocks, with the same operations. So a row's bits depend on its query, its position and the entries
// that it sees. Weights of values are two numbers of type act each, of bf16 with 16 bits together; sums are fp32.
#include "cached_chunks.cuh"

template <int D, bool Wide>
__device__ __forceinline__ void attend(const CachedAttentionArgs& a) {
    __shared__ typename CachedChunks<D, Wide, false, false>::Shared shared;
    Tile tile(a, a.slots[blockIdx.z], a.positions[blockIdx.z], gridDim.x / a.kvHeads);
    tile.add_neighbours(a);
    if (tile.rows == 0) return;
    if (tile.slot < 0) {
        if (blockIdx.y == 0) store_zeros<false>(a, tile);
        return;
    }

    CachedChunks<D, Wide, false, false> of(a, tile, shared, {});
    int blocks = min((int)gridDim.y, of.loads.chunks), first = first_chunk(blocks);
    if (first < 0) return;
    of.loads.start(of.loads.span_of(first));
    of.stage_queries();
    __syncthreads();
    of.attend(first, blocks);
}

extern "C" __global__ void __launch_bounds__(256, 2) cached_attention_128(CachedAttentionArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    attend<128, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) cached_attention_256(CachedAttentionArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    attend<256, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) cached_attention_any(CachedAttentionArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    attend<256, false>(a);
}
