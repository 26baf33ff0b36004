// Grid: x: key heads, with groups of more than 16 query heads in several parts; y: blocks that share the chunks of 64 positions; z: rows.
// 8 warps. The kernel's number is the largest headDim; _any takes every even one, the others multiples of 8, 16 bytes at once.
// A block multiplies by tensor cores 16 queries: the heads of a row, or of neighbours in one text, whose keys and values are then read
// once. Chunks lie at multiples of 64 positions. Each has its own softmax, and chunks are joined in order: by the block that walks all of
// them, or by the last of several blocks, with the same operations. So a row's bits depend on its query, its position and the entries
// that it sees. Weights of values are two numbers of type act each, of bf16 with 16 bits together; sums are fp32.
#include "elements.cuh"

constexpr int ChunkLength = 64, Warps = 8, Queries = 16;

struct CachedAttentionArgs {
    const act* q;         // [rows, heads, headDim]
    const int* slots;     // [rows]; below 0: no token, o is 0
    const int* positions; // [rows]
    const act* keys;      // [slots, capacity, kvHeads, headDim]
    const act* values;
    float2* tops;         // [rows, heads, chunks]: the largest score, Σ 2^(s − largest); unused where gridDim.y is 1, as the next two
    float* sums;          // [rows, heads, chunks, the kernel's number]: Σ 2^(s − largest)·v
    uint32* arrivals;     // [rows, gridDim.x]: blocks that have ended; 0 between launches
    act* o;
    int heads, kvHeads, headDim, capacity, window, chunks;
    float scale;          // · log2 e
};

// The rows and heads of a block.
struct Tile {
    int row, rows;        // 0 rows: an earlier row's block takes this one with its own
    int slot, position;   // of the first row; the others follow
    int head, heads, kvHead;

    __device__ __forceinline__ Tile(const CachedAttentionArgs& a) {
        int group = a.heads / a.kvHeads, parts = gridDim.x / a.kvHeads, lane = threadIdx.x % WARP;
        int first = blockIdx.x % parts * Queries;
        kvHead = blockIdx.x / parts;
        head = kvHead * group + first;
        heads = min(group - first, Queries);
        row = blockIdx.z;
        slot = a.slots[row];
        position = a.positions[row];

        // As many rows as there is room for, at a multiple of that number, if they are neighbours in one text and the ring holds what they
        // see.
        int room = group <= Queries ? Queries / group : 1, leader = row / room * room, leaderEnd = position - row + leader + 1;
        int other = min(leader + min(lane, room - 1), (int)gridDim.z - 1), otherSlot = a.slots[other], otherPosition = a.positions[other];
        bool neighbour = leader + room <= (int)gridDim.z && slot >= 0 && otherSlot == slot && otherPosition - other == position - row
            && min(min(leaderEnd, a.window), a.capacity) + room - 1 <= a.capacity;
        rows = !__all_sync(FULL_MASK, neighbour) ? 1 : row == leader ? room : 0;
    }

    __device__ __forceinline__ int count() const { return rows * heads; }
    __device__ __forceinline__ int end(int query) const { return position + query / heads + 1; }
    __device__ __forceinline__ int first(const CachedAttentionArgs& a, int query) const {
        return end(query) - min(min(end(query), a.window), a.capacity);
    }
    // Place of a query among [rows, heads].
    __device__ __forceinline__ int64 place(const CachedAttentionArgs& a, int query) const {
        return (int64)(row + query / heads) * a.heads + head + query % heads;
    }
};

// What the tile sees of a chunk: positions first to end. The ring holds them all, so they wrap once at most.
struct Span {
    int start, first, end, entry, capacity;

    __device__ __forceinline__ Span(const CachedAttentionArgs& a, const Tile& tile, int chunk) : start(chunk * ChunkLength) {
        first = max(start, tile.first(a, 0));
        end = min(start + ChunkLength, tile.position + tile.rows);
        entry = first % a.capacity;
        capacity = a.capacity;
    }

    __device__ __forceinline__ bool holds(int position) const { return position >= first && position < end; }
    __device__ __forceinline__ int entryOf(int position) const {
        int e = entry + position - first;
        return e < capacity ? e : e - capacity;
    }
};

// 2N elements, of which count lie in memory; the others are 0.
template <bool Wide, int N>
__device__ __forceinline__ void load_words(const act* source, int count, uint32 (&words)[N]) {
    if constexpr (!Wide) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            words[i] = 0;
            load_if(2 * i < count, source + 2 * i, words[i]);
        }
    } else if constexpr (N == 4) {
        uint4 x = {};
        load_if(count > 0, source, x);
        words[0] = x.x, words[1] = x.y, words[2] = x.z, words[3] = x.w;
    } else if constexpr (N == 2) {
        uint2 x = {};
        load_if(count > 0, source, x);
        words[0] = x.x, words[1] = x.y;
    } else {
        words[0] = 0;
        load_if(count > 0, source, words[0]);
    }
}

// 2N results.
template <bool Wide, int N>
__device__ __forceinline__ void store_words(act* target, int count, const float (&x)[2 * N]) {
    if constexpr (Wide) {
        if (count > 0) store(target, x);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) {
            if (2 * i < count) ((uint32*)target)[i] = pack(x[2 * i], x[2 * i + 1]);
        }
    }
}

// Joins a chunk's result with that of the chunks before it.
struct Joint {
    float top = -infinity(), before, with; // factors of what was before and of the chunk

    __device__ __forceinline__ void add(float chunkTop) {
        float larger = fmaxf(top, chunkTop);
        before = exp2_approx(top - larger);
        with = exp2_approx(chunkTop - larger);
        top = larger;
    }
};

// Rounded as written, in whichever block. A chunk of factor 0 leaves no trace.
__device__ __forceinline__ float join(float sum, float before, float chunk, float with) {
    sum = __fmul_rn(sum, before);
    return with == 0 ? sum : __fmaf_rn(chunk, with, sum);
}

template <int D>
struct Shared {
    alignas(16) act queries[Queries][D + WARP];  // the ends of rows keep accesses from the same banks
    alignas(16) float scores[Queries][ChunkLength + 4];
    alignas(16) act weights[2][Queries][ChunkLength + 16];  // the nearest number, and that of the rest
    float2 factors[Queries];
    float totals[Queries];
    bool last;
};

// Lane 4g + t of a warp.
template <int D, bool Wide>
struct CachedAttention {
    static constexpr int Steps = D / WARP, Dims = D / Warps, N = Dims / 8; // of a warp: steps over keys, dimensions of values, products
    const CachedAttentionArgs& a;
    const Tile& tile;
    Shared<D>& shared;
    int begin, chunks;           // the first chunk, the number
    int64 slot;
    int stride; // elements before the text's entries, from one to the next
    int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
    uint32 k[Steps][4];          // the position 8 · warp + g of the chunk, dimensions 32i + 8t to 32i + 8t + 7
    uint32 v[4][4][N / 2];       // positions 16i + 4t to 16i + 4t + 3, N dimensions from Dims · warp + N · g

    __device__ __forceinline__ CachedAttention(const CachedAttentionArgs& a, const Tile& tile, Shared<D>& shared)
        : a(a), tile(tile), shared(shared), begin(tile.first(a, 0) / ChunkLength),
          chunks((tile.position + tile.rows - 1) / ChunkLength + 1 - begin),
          slot(((int64)tile.slot * a.capacity * a.kvHeads + tile.kvHead) * a.headDim), stride(a.kvHeads * a.headDim) {}

    // Brings a chunk nearer: each thread 64 dimensions of a position's key and value.
    __device__ __forceinline__ void prefetch_chunk(int chunk) {
        Span span(a, tile, begin + chunk);
        int position = span.start + threadIdx.x / 4, dim = 64 * t;
        if (chunk >= chunks || dim >= a.headDim || !span.holds(position)) return;
        int64 offset = slot + (int64)span.entryOf(position) * stride + dim;
        prefetch(a.keys + offset);
        prefetch(a.values + offset);
    }

    __device__ __forceinline__ void load_keys(int chunk) {
        Span span(a, tile, begin + chunk);
        int position = span.start + 8 * warp + g, count = span.holds(position) ? a.headDim - 8 * t : 0;
        const act* key = a.keys + slot + (int64)span.entryOf(position) * stride + 8 * t;
#pragma unroll
        for (int i = 0; i < Steps; i++) load_words<Wide>(key + WARP * i, count - WARP * i, k[i]);
    }

    __device__ __forceinline__ void load_values(int chunk) {
        Span span(a, tile, begin + chunk);
        int dim = Dims * warp + N * g;
        const act* values = a.values + slot + dim;
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int position = span.start + 16 * i + 4 * t + j;
                load_words<Wide>(values + (int64)span.entryOf(position) * stride, span.holds(position) ? a.headDim - dim : 0, v[i][j]);
            }
        }
    }

    __device__ __forceinline__ void stage_queries() {
        for (int i = threadIdx.x; i < Queries * (D / 8); i += blockDim.x) {
            int query = i / (D / 8), dim = i % (D / 8) * 8;
            uint32 x[4];
            load_words<Wide>(a.q + tile.place(a, query) * a.headDim + dim, query < tile.count() ? a.headDim - dim : 0, x);
            *(uint4*)&shared.queries[query][dim] = make_uint4(x[0], x[1], x[2], x[3]);
        }
    }

    // Of 8 positions a warp.
    __device__ __forceinline__ void score() {
        float c[2][4] = {};
#pragma unroll
        for (int i = 0; i < Steps; i++) {
            uint4 low = *(const uint4*)&shared.queries[g][WARP * i + 8 * t], high = *(const uint4*)&shared.queries[g + 8][WARP * i + 8 * t];
            mma(c[0], {low.x, high.x, low.y, high.y}, k[i][0], k[i][1]);
            mma(c[1], {low.z, high.z, low.w, high.w}, k[i][2], k[i][3]);
        }

#pragma unroll
        for (int i = 0; i < 4; i++) shared.scores[g + i / 2 * 8][8 * warp + 2 * t + i % 2] = c[0][i] + c[1][i];
    }

    // The softmax of a chunk: 16 threads for a query. Returns whether it sees any of the chunk.
    __device__ __forceinline__ bool weigh(int chunk, float& top, float& total) {
        int query = threadIdx.x / 16, column = threadIdx.x % 16 * 4, start = (begin + chunk) * ChunkLength;
        int from = tile.first(a, query) - start, to = query < tile.count() ? tile.end(query) - start : 0; // what the query sees
        float s[4], rest[4];
        load(&shared.scores[query][column], s);
        top = -infinity(), total = 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            s[i] = __fmul_rn(s[i], a.scale);
            if (column + i >= from && column + i < to) top = fmaxf(top, s[i]);
        }

#pragma unroll
        for (int offset = 8; offset > 0; offset /= 2) top = fmaxf(top, __shfl_xor_sync(FULL_MASK, top, offset));
#pragma unroll
        for (int i = 0; i < 4; i++) {
            s[i] = column + i >= from && column + i < to ? exp2_approx(s[i] - top) : 0;
            rest[i] = s[i] - to_float(to_act(s[i]));
            total += s[i];
        }

#pragma unroll
        for (int offset = 8; offset > 0; offset /= 2) total += __shfl_xor_sync(FULL_MASK, total, offset);
        store(&shared.weights[0][query][column], s);
        store(&shared.weights[1][query][column], rest);
        return from < ChunkLength && to > 0;
    }

    // Σ weight · value of queries g and g + 8 for two of the warp's products, the words w of values. Columns 2t and 2t + 1 of product j are
    // dimensions 2Nt + j and 2Nt + N + j of the warp's.
    __device__ __forceinline__ void sum_values(int w, float (&c)[2][4]) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
            for (int part = 0; part < 2; part++) {
                uint2 low = *(const uint2*)&shared.weights[part][g][16 * i + 4 * t];
                uint2 high = *(const uint2*)&shared.weights[part][g + 8][16 * i + 4 * t];
                const uint32 weights[4] = {low.x, high.x, low.y, high.y};
#pragma unroll
                for (int j = 0; j < 2; j++) {
                    uint32 halves = j == 0 ? 0x5410 : 0x7632; // of the values of two positions
                    mma(c[j], weights, __byte_perm(v[i][0][w], v[i][1][w], halves), __byte_perm(v[i][2][w], v[i][3][w], halves));
                }
            }
        }
    }

    // All chunks by one block.
    __device__ __forceinline__ void walk() {
        int query = threadIdx.x / 16; // of the softmax
        Joint joint;
        float total = 0, sum[N][4] = {};
        for (int chunk = 0; chunk < chunks; chunk++) {
            prefetch_chunk(chunk + 1);
            load_keys(chunk);
            __syncthreads(); // queries are there
            score();
            load_values(chunk);
            __syncthreads();
            float top, part;
            bool sees = weigh(chunk, top, part);
            if (sees) {
                joint.add(top);
                total = join(total, joint.before, part, joint.with);
            }

            if (threadIdx.x % 16 == 0) {
                shared.factors[query] = sees ? make_float2(joint.before, joint.with) : make_float2(1, 0);
                shared.totals[query] = total;
            }

            __syncthreads();
#pragma unroll
            for (int w = 0; w < N / 2; w++) {
                float c[2][4] = {};
                sum_values(w, c);
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    float2 factor = shared.factors[g + 8 * half];
#pragma unroll
                    for (int j = 0; j < 2; j++) {
#pragma unroll
                        for (int i = 2 * half; i < 2 * half + 2; i++)
                            sum[2 * w + j][i] = join(sum[2 * w + j][i], factor.x, c[j][i], factor.y);
                    }
                }
            }
        }

#pragma unroll
        for (int half = 0; half < 2; half++) {
            int query = g + 8 * half, dim = Dims * warp + 2 * N * t;
            if (query >= tile.count()) continue;
            float x[2 * N];
#pragma unroll
            for (int j = 0; j < N; j++) {
                x[j] = sum[j][2 * half] / shared.totals[query];
                x[N + j] = sum[j][2 * half + 1] / shared.totals[query];
            }

            store_words<Wide, N>(a.o + tile.place(a, query) * a.headDim + dim, a.headDim - dim, x);
        }
    }

    // This block's chunks.
    __device__ __forceinline__ void share() {
        for (int chunk = blockIdx.y; chunk < chunks; chunk += gridDim.y) {
            prefetch_chunk(chunk + gridDim.y);
            load_keys(chunk);
            __syncthreads(); // queries are there
            score();
            load_values(chunk);
            __syncthreads();
            float top, total;
            bool sees = weigh(chunk, top, total);
            if (sees && threadIdx.x % 16 == 0)
                a.tops[tile.place(a, threadIdx.x / 16) * a.chunks + chunk] = make_float2(top, total);
            __syncthreads();
#pragma unroll
            for (int w = 0; w < N / 2; w++) {
                float c[2][4] = {};
                sum_values(w, c);
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    int query = g + 8 * half, dim = Dims * warp + 2 * N * t + 2 * w;
                    if (query >= tile.count()) continue;
                    float* sums = a.sums + (tile.place(a, query) * a.chunks + chunk) * D + dim;
                    *(float2*)sums = make_float2(c[0][2 * half], c[1][2 * half]);
                    *(float2*)(sums + N) = make_float2(c[0][2 * half + 1], c[1][2 * half + 1]);
                }
            }
        }
    }

    // Whether this block is the last of its rows', which then sees what all have written.
    __device__ __forceinline__ bool arrive(int blocks) {
        __syncthreads();
        if (threadIdx.x == 0) {
            uint32* arrivals = a.arrivals + (int64)tile.row * gridDim.x + blockIdx.x;
            shared.last = count_arrival(arrivals) == (uint32)blocks - 1;
            if (shared.last) *arrivals = 0;
        }

        __syncthreads();
        return shared.last;
    }

    __device__ __forceinline__ void join_chunks() {
        for (int i = threadIdx.x; i < tile.count() * (D / 4); i += blockDim.x) {
            int query = i / (D / 4), dim = i % (D / 4) * 4;
            const float2* tops = a.tops + tile.place(a, query) * a.chunks;
            const float* sums = a.sums + tile.place(a, query) * a.chunks * D + dim;
            int end = (tile.end(query) - 1) / ChunkLength + 1 - begin;
            Joint joint;
            float x[4] = {}, total = 0;
#pragma unroll 4
            for (int chunk = tile.first(a, query) / ChunkLength - begin; chunk < end; chunk++) {
                float2 top = __ldcg(tops + chunk);
                float4 part = __ldcg((const float4*)(sums + (int64)chunk * D));
                joint.add(top.x);
                total = join(total, joint.before, top.y, joint.with);
                x[0] = join(x[0], joint.before, part.x, joint.with);
                x[1] = join(x[1], joint.before, part.y, joint.with);
                x[2] = join(x[2], joint.before, part.z, joint.with);
                x[3] = join(x[3], joint.before, part.w, joint.with);
            }

#pragma unroll
            for (int j = 0; j < 4; j++) x[j] = x[j] / total;
            store_words<Wide, 2>(a.o + tile.place(a, query) * a.headDim + dim, a.headDim - dim, x);
        }
    }
};

template <int D, bool Wide>
__device__ __forceinline__ void attend(const CachedAttentionArgs& a) {
    __shared__ Shared<D> shared;
    const Tile tile(a);
    if (tile.rows == 0) return;
    if (tile.slot < 0) {
        act* o = a.o + tile.place(a, 0) * a.headDim;
        for (int i = threadIdx.x; blockIdx.y == 0 && i < tile.count() * a.headDim; i += blockDim.x) o[i] = to_act(0);
        return;
    }

    CachedAttention<D, Wide> attention(a, tile, shared);
    int blocks = min((int)gridDim.y, attention.chunks); // with a chunk to take
    if ((int)blockIdx.y >= blocks) return;
    attention.prefetch_chunk(blockIdx.y);
    attention.stage_queries();
    if (blocks == 1) attention.walk();
    else {
        attention.share();
        if (attention.arrive(blocks)) attention.join_chunks();
    }
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
