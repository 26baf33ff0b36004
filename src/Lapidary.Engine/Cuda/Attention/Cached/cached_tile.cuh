#pragma once
// What a block of attention over the cache takes: queries, and what they see of each chunk of 64 positions.
#include "arranged_rows.cuh"
#include "elements.cuh"

constexpr int ChunkLength = 64, Warps = 8, Queries = 16;

struct CachedAttentionArgs {
    const act* q;         // [rows, heads, headDim]
    const int* slots;     // [rows]; below 0: no token, o is 0
    const int* positions; // [rows]
    act* keys;            // [slots, capacity, kvHeads, headDim]
    act* values;
    float2* tops;         // [rows, heads, chunks]: the largest score, Σ 2^(s − largest); unused where gridDim.y is 1, as the next two
    float* sums;          // [rows, heads, chunks, the kernel's number]: Σ 2^(s − largest)·v
    uint32* arrivals;     // [rows, gridDim.x]: blocks that have ended; 0 between launches
    act* o;
    int heads, kvHeads, headDim, capacity, window, chunks;
    float scale;          // · log2 e
    ArrangedCopy copy;    // of o (fresh_attention_copied)
};

// The rows and heads of a block.
struct Tile {
    int row, rows;        // 0 rows: an earlier row's block takes this one with its own
    int slot, position;   // of the first row; the others follow
    int head, heads, kvHead;

    // Of one row; `parts` blocks take a key head's query heads.
    __device__ __forceinline__ Tile(const CachedAttentionArgs& a, int slot, int position, int parts)
        : rows(1), slot(slot), position(position) {
        int group = a.heads / a.kvHeads, first = blockIdx.x % parts * Queries;
        kvHead = blockIdx.x / parts;
        head = kvHead * group + first;
        heads = min(group - first, Queries);
        row = blockIdx.z;
    }

    // As many rows as there is room for, at a multiple of that number, if they are neighbours in one text and the ring holds what they see.
    __device__ __forceinline__ void add_neighbours(const CachedAttentionArgs& a) {
        int group = a.heads / a.kvHeads, room = group <= Queries ? Queries / group : 1, lane = threadIdx.x % WARP;
        int leader = row / room * room, leaderEnd = position - row + leader + 1;
        int other = min(leader + min(lane, room - 1), (int)gridDim.z - 1), otherSlot = a.slots[other], otherPosition = a.positions[other];
        bool neighbour = leader + room <= (int)gridDim.z && slot >= 0 && otherSlot == slot && otherPosition - other == position - row
            && min(min(leaderEnd, a.window), a.capacity) + room - 1 <= a.capacity;
        rows = !__all_sync(FULL_MASK, neighbour) ? 1 : row == leader ? room : 0;
    }

    __device__ __forceinline__ int count() const { return rows * heads; }
    __device__ __forceinline__ int row_of(int query) const { return rows == 1 ? 0 : query / heads; } // of the tile's rows
    __device__ __forceinline__ int end(int query) const { return position + row_of(query) + 1; }
    __device__ __forceinline__ int first(const CachedAttentionArgs& a, int query) const {
        return end(query) - min(min(end(query), a.window), a.capacity);
    }
    // Place of a query among [rows, heads].
    __device__ __forceinline__ int64 place(const CachedAttentionArgs& a, int query) const {
        int of = row_of(query);
        return (int64)(row + of) * a.heads + head + query - of * heads;
    }
};

// The result of a row without a token.
template <bool Copies>
__device__ __forceinline__ void store_zeros(const CachedAttentionArgs& a, const Tile& tile) {
    int64 first = tile.place(a, 0) * a.headDim;
    for (int i = 2 * threadIdx.x; i < tile.count() * a.headDim; i += 2 * blockDim.x) {
        *(uint32*)(a.o + first + i) = 0;
        if constexpr (Copies) a.copy.store(first + i, 0u);
    }
}

// Where the token at a position lies in its text's ring. Most texts have not filled it.
__device__ __forceinline__ int entry_of(int position, int capacity) { return position < capacity ? position : position % capacity; }

// What a tile sees of a chunk and the cache holds: positions first to end. The ring holds them all, so they wrap once at most.
struct Span {
    int start, first, end, entry, capacity;

    __device__ __forceinline__ Span(const CachedAttentionArgs& a, const Tile& tile, int chunk, int held)
        : start(chunk * ChunkLength), capacity(a.capacity) {
        first = max(start, tile.first(a, 0));
        end = min(start + ChunkLength, held);
        entry = entry_of(first, a.capacity);
    }

    __device__ __forceinline__ bool holds(int position) const { return position >= first && position < end; }
    __device__ __forceinline__ int entryOf(int position) const {
        int e = entry + position - first;
        return e < capacity ? e : e - capacity;
    }
};
