#pragma once
// The keys and values of a chunk, on their way to registers and to shared memory.
#include "cached_tile.cuh"
#include "cached_words.cuh"

// A row's own key and value, which are not in the cache yet.
struct Fresh {
    const act* key;   // in shared memory, behind the first barrier
    const act* value; // of the key head
};

// Of a chunk, what lane 4g + t of a warp takes: a key's part in registers, the warp's part of the values in shared memory that no other
// warp uses, so they need no barrier. HasFresh: the tile is one row with its own key and value. Nothing is prefetched: prefetches of the
// next chunk cost more than they hide, as other blocks keep memory busy.
template <int D, bool Wide, bool HasFresh>
struct ChunkLoads {
    static constexpr int Steps = D / WARP, Dims = D / Warps, N = Dims / 8; // of a warp: steps over keys, dimensions of values, products
    const CachedAttentionArgs& a;
    const Tile& tile;
    const Fresh fresh;
    int begin, chunks;         // the first chunk, the number
    int64 slot;
    int stride;                // elements before the text's entries, from one to the next
    int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
    uint32 k[Steps][4];        // the position 8 · warp + g of the chunk, dimensions 32i + 8t to 32i + 8t + 7
    act* v = values_of_warp(); // [64 positions, Dims · warp to Dims · (warp + 1)], in pieces of 16 bytes, see place_of

    __device__ __forceinline__ ChunkLoads(const CachedAttentionArgs& a, const Tile& tile, Fresh fresh)
        : a(a), tile(tile), fresh(fresh), begin(tile.first(a, 0) / ChunkLength),
          chunks((tile.position + tile.rows - 1) / ChunkLength + 1 - begin),
          slot(((int64)tile.slot * a.capacity * a.kvHeads + tile.kvHead) * a.headDim), stride(a.kvHeads * a.headDim) {}

    __device__ __forceinline__ Span span_of(int chunk) const {
        return Span(a, tile, begin + chunk, HasFresh ? tile.position : tile.position + tile.rows);
    }

    // Starts the loads of a chunk. What lies outside the span counts as zeros among values; such keys' scores are never used.
    __device__ __forceinline__ void start(const Span& span) {
        load_keys<false>(span);
        copy_values<false>(span);
        cp_async_commit();
    }

    // The same before after_previous_kernel(), but for a fresh value, which end_early copies: earlier steps have stored the other entries.
    __device__ __forceinline__ void start_early(const Span& span) {
        load_keys<true>(span);
        copy_values<true>(span);
    }

    __device__ __forceinline__ void end_early(const Span& span) const {
        int row = tile.position - span.start, piece = threadIdx.x % WARP;
        if (row < ChunkLength && piece < N) cp_async16(v + place_of(row, piece), fresh.value + Dims * warp + 8 * piece, true);
        cp_async_commit();
    }

    template <bool Early>
    __device__ __forceinline__ void load_keys(const Span& span) {
        int position = max(span.first, min(span.start + 8 * warp + g, span.end - 1));
        const act* key = a.keys + slot + (int64)span.entryOf(position) * stride + 8 * t;
#pragma unroll
        for (int i = 0; i < Steps; i++) load_words<Wide, Early>(key + WARP * i, HasFresh ? 8 : a.headDim - 8 * t - WARP * i, k[i]);
    }

    // This warp's values. A fresh one comes from where it is.
    template <bool Early>
    __device__ __forceinline__ void copy_values(const Span& span) {
        constexpr int Rows = WARP / N; // at once
        int lane = threadIdx.x % WARP, dim = Dims * warp + 8 * (lane % N), position = span.start + lane / N;
        int entry = span.entryOf(position);
        const act* values = a.values + slot + dim;
#pragma unroll 2
        for (int row = lane / N; row < ChunkLength; row += Rows) {
            const act* from = values + (int64)entry * stride;
            bool valid = span.holds(position), isFresh = HasFresh && position == tile.position;
            if (isFresh) from = fresh.value + dim, valid = true;
            act* to = v + place_of(row, lane % N);
            if constexpr (Early) {
                if (!isFresh) cp_async16_weight(to, from, valid);
            } else if constexpr (Wide) cp_async16(to, from, valid && (HasFresh || dim < a.headDim));
            else {
                uint32 x[4];
                load_words<false>(from, valid ? a.headDim - dim : 0, x);
                *(uint4*)to = make_uint4(x[0], x[1], x[2], x[3]);
            }

            position += Rows, entry += Rows;
            if (entry >= a.capacity) entry -= a.capacity;
        }
    }

    static __device__ __forceinline__ act* values_of_warp() {
        extern __shared__ uint4 dynamic[];
        return (act*)dynamic + threadIdx.x / WARP * (ChunkLength * Dims);
    }

    // Where a piece of a position's values lies. The 8 rows of a matrix that ldmatrix takes at once, see sum_values, are in other banks.
    static __device__ __forceinline__ int place_of(int row, int piece) {
        static_assert(N == 4 || N == 2, "rows of 64 or 32 bytes");
        return 8 * ((row * N + piece) ^ (N == 4 ? row / 4 % 4 : row / 4 % 2 * 4 + row / 8 % 2));
    }

    // The row's own key, which stands in the last chunk.
    __device__ __forceinline__ void take_fresh_key(int chunk) {
        if (chunk != chunks - 1 || (begin + chunk) * ChunkLength + 8 * warp + g != tile.position) return;
#pragma unroll
        for (int i = 0; i < Steps; i++) {
            uint4 x = *(const uint4*)(fresh.key + WARP * i + 8 * t);
            k[i][0] = x.x, k[i][1] = x.y, k[i][2] = x.z, k[i][3] = x.w;
        }
    }
};
