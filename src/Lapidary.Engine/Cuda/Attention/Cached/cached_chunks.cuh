#pragma once
// A block's walk over its chunks: scores, softmax, sums of values.
#include "cached_join.cuh"
#include "cached_loads.cuh"

// The first chunk of this block, one of `blocks` that share a row; below 0: none. The later half of the rows counts backwards, as blocks
// that a multiprocessor holds at once are often half a grid apart: then those with a chunk more meet those with one less.
__device__ __forceinline__ int first_chunk(int blocks) {
    return blockIdx.z < gridDim.z / 2 ? ((int)blockIdx.y < blocks ? (int)blockIdx.y : -1) : blocks - 1 - (int)blockIdx.y;
}

// Of at most Rows queries. The ends of arrays' rows keep accesses from the same banks.
template <int D, int Rows>
struct Shared {
    alignas(16) act queries[Rows][D + WARP];
    alignas(16) float scores[Rows][ChunkLength + 4];
    alignas(16) uint4 weights[Rows][ChunkLength / 4 + 4]; // of 4 positions: the nearest numbers, then those of the rests
    float2 factors[Rows];
    float totals[Rows];
    bool last;
};

// Lane 4g + t of a warp.
template <int D, bool Wide, bool HasFresh, bool Copies>
struct CachedChunks {
    using Loads = ChunkLoads<D, Wide, HasFresh>;
    static constexpr int Steps = Loads::Steps, Dims = Loads::Dims, N = Loads::N;
    static constexpr bool Few = HasFresh; // at most 8 queries
    using Shared = ::Shared<D, Few ? Queries / 2 : Queries>;
    const CachedAttentionArgs& a;
    const Tile& tile;
    Shared& shared;
    Loads loads;
    int warp = threadIdx.x / WARP, g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;

    __device__ __forceinline__ CachedChunks(const CachedAttentionArgs& a, const Tile& tile, Shared& shared, Fresh fresh)
        : a(a), tile(tile), shared(shared), loads(a, tile, fresh) {}

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
            uint4 low = *(const uint4*)&shared.queries[g][WARP * i + 8 * t];
            uint4 high = Few ? uint4{} : *(const uint4*)&shared.queries[g + 8][WARP * i + 8 * t];
            mma(c[0], {low.x, high.x, low.y, high.y}, loads.k[i][0], loads.k[i][1]);
            mma(c[1], {low.z, high.z, low.w, high.w}, loads.k[i][2], loads.k[i][3]);
        }

#pragma unroll
        for (int i = 0; i < (Few ? 2 : 4); i++) shared.scores[g + i / 2 * 8][8 * warp + 2 * t + i % 2] = c[0][i] + c[1][i];
    }

    // The softmax of a chunk: 16 threads for a query. Returns whether it sees any of the chunk.
    __device__ __forceinline__ bool weigh(int chunk, float& top, float& total) {
        int query = threadIdx.x / 16, column = threadIdx.x % 16 * 4, start = (loads.begin + chunk) * ChunkLength;
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
        shared.weights[query][column / 4] =
            make_uint4(pack(s[0], s[1]), pack(s[2], s[3]), pack(rest[0], rest[1]), pack(rest[2], rest[3]));
        return from < ChunkLength && to > 0;
    }

    // Σ weight · value of queries g and g + 8, at dimensions 8j + 2t and 8j + 2t + 1 of the warp's in product j. A product takes 16
    // positions, in the order 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15: then a lane has the weights of 4 neighbours.
    __device__ __forceinline__ void sum_values(float (&c)[N][4]) {
        int lane = threadIdx.x % WARP, row = lane % 8 / 2 * 4 + lane % 2 + lane / 8 % 2 * 2; // of the matrix row that this lane names
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint4 low = shared.weights[g][4 * i + t], high = Few ? uint4{} : shared.weights[g + 8][4 * i + t];
            const uint32 nearest[4] = {low.x, high.x, low.y, high.y}, rest[4] = {low.z, high.z, low.w, high.w};
#pragma unroll
            for (int j = 0; j < N; j += 2) {
                uint32 x[4];
                ldmatrix_x4_trans(x, loads.v + Loads::place_of(16 * i + row, j + lane / 16));
                mma(c[j], nearest, x[0], x[1]);
                mma(c[j], rest, x[0], x[1]);
                mma(c[j + 1], nearest, x[2], x[3]);
                mma(c[j + 1], rest, x[2], x[3]);
            }
        }
    }

    // The chunks of this block, one of `blocks` with a chunk to take.
    __device__ __forceinline__ void attend(int first, int blocks) {
        if (blocks == 1) run<true>(first, 1);
        else {
            run<false>(first, blocks);
            uint32* arrivals = a.arrivals + (int64)tile.row * gridDim.x + blockIdx.x;
            if (is_last_block(arrivals, blocks, shared.last)) join_chunks<D, Wide, Copies>(a, tile, loads.begin);
        }
    }

    // Every step-th chunk from the first, whose loads are under way. Alone: these are all chunks; else each chunk's result goes to memory.
    template <bool Alone>
    __device__ __forceinline__ void run(int chunk, int step) {
        int query = threadIdx.x / 16; // of the softmax
        Joint joint;
        float total = 0, sum[Alone ? N : 1][4] = {};
        while (true) {
            if constexpr (HasFresh) loads.take_fresh_key(chunk);
            score();
            __syncthreads();
            if (2 * warp < tile.count()) { // the queries of the warp's two halves
                float top, part;
                bool sees = weigh(chunk, top, part);
                if constexpr (Alone) {
                    if (sees) {
                        joint.add(top);
                        total = join(total, joint.before, part, joint.with);
                    }

                    if (threadIdx.x % 16 == 0) {
                        shared.factors[query] = sees ? make_float2(joint.before, joint.with) : make_float2(1, 0);
                        shared.totals[query] = total;
                    }
                } else if (sees && threadIdx.x % 16 == 0) a.tops[tile.place(a, query) * a.chunks + chunk] = make_float2(top, part);
            }

            cp_async_wait();
            __syncthreads();
            float c[N][4] = {};
            sum_values(c);
            if constexpr (Alone) add(c, sum);
            else write(chunk, c);
            chunk += step;
            if (chunk >= loads.chunks) break;
            __syncwarp(); // of its values
            loads.start(loads.span_of(chunk));
        }

        if constexpr (Alone) finish(sum);
    }

    __device__ __forceinline__ void add(const float (&c)[N][4], float (&sum)[N][4]) const {
#pragma unroll
        for (int half = 0; half < (Few ? 1 : 2); half++) {
            float2 factor = shared.factors[g + 8 * half];
#pragma unroll
            for (int j = 0; j < N; j++) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) sum[j][i] = join(sum[j][i], factor.x, c[j][i], factor.y);
            }
        }
    }

    __device__ __forceinline__ void write(int chunk, const float (&c)[N][4]) const {
#pragma unroll
        for (int half = 0; half < (Few ? 1 : 2); half++) {
            int query = g + 8 * half;
            if (query >= tile.count()) continue;
            float* sums = a.sums + (tile.place(a, query) * a.chunks + chunk) * D + Dims * warp + 2 * t;
#pragma unroll
            for (int j = 0; j < N; j++) *(float2*)(sums + 8 * j) = make_float2(c[j][2 * half], c[j][2 * half + 1]);
        }
    }

    __device__ __forceinline__ void finish(const float (&sum)[N][4]) const {
#pragma unroll
        for (int half = 0; half < (Few ? 1 : 2); half++) {
            int query = g + 8 * half, dim = Dims * warp + 2 * t;
            if (query >= tile.count()) continue;
            float total = shared.totals[query];
            int64 place = tile.place(a, query) * a.headDim + dim;
#pragma unroll
            for (int j = 0; j < N; j++) {
                if (dim + 8 * j >= a.headDim) continue;
                uint32 pair = pack(sum[j][2 * half] / total, sum[j][2 * half + 1] / total);
                *(uint32*)(a.o + place + 8 * j) = pair;
                if constexpr (Copies) a.copy.store(place + 8 * j, pair);
            }
        }
    }
};
