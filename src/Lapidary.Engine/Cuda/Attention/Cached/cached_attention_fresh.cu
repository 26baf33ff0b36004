// cached_attention.cu for rows whose keys and values are not in the cache yet: qkv_to_cache, then attention, to the bit. headDim is the
// kernel's number, a key head has at most 6 query heads. Every block of a row norms and rotates its queries; the one with the row's last
// chunk also the key. It takes key and value from where they are, and stores them for later steps. The
// _copied kernels also write an arranged copy.
#include "cached_chunks.cuh"
#include "head_norm.cuh"

struct FreshAttentionArgs {
    CachedAttentionArgs attention; // q: before its norm
    const act* k;                  // [rows, kvHeads, headDim]
    const act* v;
    const void* qWeight;
    const void* kWeight;
    const float* cos;              // [rows, headDim / 2]
    const float* sin;
    int qWeightType, kWeightType;
    float epsilon;
};

// Of 8 warps, the first `heads` take a query each, the next one the key, and one stores the value.
template <int D>
struct FreshRow {
    static constexpr int Half = D / 2, N = D / 64;
    const FreshAttentionArgs& a;
    const Tile& tile;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    HeadNorm<N> norm;

    __device__ __forceinline__ FreshRow(const FreshAttentionArgs& a, const Tile& tile) : a(a), tile(tile) {}

    __device__ __forceinline__ bool is_query() const { return warp < tile.heads; }
    __device__ __forceinline__ bool is_key() const { return warp == tile.heads; }
    __device__ __forceinline__ bool is_value() const { return warp == tile.heads + 1; }

    __device__ __forceinline__ void load_weights() {
        if (is_query() || is_key())
            norm.template load_weights<true>(is_query() ? a.qWeight : a.kWeight, is_query() ? a.qWeightType : a.kWeightType, Half);
    }

    // Begins with what finish takes, of a row: this warp's query or key.
    __device__ __forceinline__ void load(int row) {
        const act* x = is_query() ? a.attention.q + tile.place(a.attention, warp) * D : a.k + from(row);
        if (is_query() || is_key()) norm.load_head(x, a.cos + (int64)row * Half, a.sin + (int64)row * Half, Half);
    }

    __device__ __forceinline__ void finish(act* query, act* key) const {
        if (is_query() || is_key()) norm.finish(Half, a.epsilon, is_query() ? query : key);
    }

    // Stores the row's key and value for later steps, each by the warp that has it.
    __device__ __forceinline__ void store(const act* key) const {
        __syncwarp();
        if (lane >= D / 8) return;
        if (is_key()) copy16(a.attention.keys + to(tile.position) + 8 * lane, key + 8 * lane);
        if (is_value()) copy16(a.attention.values + to(tile.position) + 8 * lane, a.v + from(tile.row) + 8 * lane);
    }

    // Keys and values of the text's other rows that this one sees. Each block stores those it needs, with the same bits as the others.
    __device__ __forceinline__ void store_others() {
        int begin = tile.first(a.attention, 0);
        for (int row = 0; row < (int)gridDim.z; row++) {
            int position = a.attention.positions[row];
            if (is_query() || a.attention.slots[row] != tile.slot || position < begin || position >= tile.position) continue;
            int64 at = to(position);
            load(row);
            finish(nullptr, a.attention.keys + at);
            if (is_value() && lane < D / 8) copy16(a.attention.values + at + 8 * lane, a.v + from(row) + 8 * lane);
        }
    }

    // Of the key head, in a row and in the cache.
    __device__ __forceinline__ int64 from(int row) const { return ((int64)row * a.attention.kvHeads + tile.kvHead) * D; }
    __device__ __forceinline__ int64 to(int position) const {
        const CachedAttentionArgs& c = a.attention;
        return (((int64)tile.slot * c.capacity + entry_of(position, c.capacity)) * c.kvHeads + tile.kvHead) * D;
    }

    static __device__ __forceinline__ void copy16(act* to, const act* from) { *(uint4*)to = *(const uint4*)from; }
};

template <int D, bool Copies>
__device__ __forceinline__ void attend_fresh(const FreshAttentionArgs& args) {
    __shared__ typename CachedChunks<D, true, true, Copies>::Shared shared;
    __shared__ alignas(16) act key[D];
    const CachedAttentionArgs& a = args.attention;
    int slot, position;
    load_weight(a.slots + blockIdx.z, slot);
    load_weight(a.positions + blockIdx.z, position);
    const Tile tile(a, slot, position, 1);
    FreshRow<D> fresh(args, tile);
    fresh.load_weights();
    CachedChunks<D, true, true, Copies> of(a, tile, shared, {key, args.v + fresh.from(tile.row)});
    int blocks = min((int)gridDim.y, of.loads.chunks), first = first_chunk(blocks), left = of.loads.chunks - 1 - first;
    bool own = left < blocks ? left == 0 : left % blocks == 0; // the last chunk
    Span span = of.loads.span_of(max(first, 0));
    if (slot >= 0 && first >= 0) of.loads.start_early(span);
    after_previous_kernel();
    let_next_kernel_start();
    if (slot < 0) {
        if (blockIdx.y == 0) store_zeros<Copies>(a, tile);
        return;
    }

    if (first < 0) return;
    fresh.load(tile.row);
    of.loads.end_early(span);
    bool company = false; // other rows of the text
    for (int row = threadIdx.x; row < (int)gridDim.z; row += blockDim.x) company |= row != tile.row && a.slots[row] == slot;
    fresh.finish(shared.queries[fresh.warp], key);
    if (own) fresh.store(key);
    if (__syncthreads_or(company)) {
        fresh.store_others();
        cp_async_wait();
        __syncthreads();
        of.loads.start(span);
    }

    of.attend(first, blocks);
}

extern "C" __global__ void __launch_bounds__(256, 2) fresh_attention_128(FreshAttentionArgs a) { attend_fresh<128, false>(a); }
extern "C" __global__ void __launch_bounds__(256, 2) fresh_attention_256(FreshAttentionArgs a) { attend_fresh<256, false>(a); }
extern "C" __global__ void __launch_bounds__(256, 2) fresh_attention_copied_128(FreshAttentionArgs a) { attend_fresh<128, true>(a); }
extern "C" __global__ void __launch_bounds__(256, 2) fresh_attention_copied_256(FreshAttentionArgs a) { attend_fresh<256, true>(a); }
