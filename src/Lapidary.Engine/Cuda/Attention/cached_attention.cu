// Grid: chunks: x: key heads, y: blocks that share the chunks of 64 positions, z: rows, 8 warps; join: x: query heads, y: rows, 4 warps.
// fp32 scores, softmax and sums. A row's bits depend on its query, its position and the cached positions that it sees: chunks are counted
// from the first of these, and joined in order. q, keys, values, o bf16, headDim even, at most 256: a lane takes pairs of elements, 4
// bytes, coalesced.
#include "elements.cuh"

constexpr int ChunkLength = 64, Warps = 8, MostPairs = 4; // pairs of a lane at headDim 256

struct CachedAttentionArgs {
    const bf16* q;        // [rows, heads, headDim]
    const int* slots;     // [rows]; below 0: no token, o is 0
    const int* positions; // [rows]
    const bf16* keys;     // [slots, capacity, kvHeads, headDim]
    const bf16* values;
    float* partials;      // [rows, heads, chunks, headDim + 2]: the largest score, Σ exp(s − largest), Σ exp(s − largest)·v
    bf16* o;
    int heads, kvHeads, headDim, capacity, window, chunks;
    float scale;
};

// The text of a row: its visible positions are its last: the window, or as many as there are.
struct Text {
    int64 slot;
    int end, visible;

    __device__ __forceinline__ Text(const CachedAttentionArgs& a, int row) : slot(a.slots[row]), end(a.positions[row] + 1) {
        visible = slot < 0 ? 0 : min(min(end, a.window), a.capacity);
    }

    __device__ __forceinline__ int64 offset(const CachedAttentionArgs& a, int position, int kvHead) const {
        return ((slot * a.capacity + position % a.capacity) * a.kvHeads + kvHead) * a.headDim;
    }
};

// Up to four query heads of a group at a time, so that a key or value is read once for them.
constexpr int HeadsAtOnce = 4;

// Where no number of blocks is asked for, the compiler may spill to make room for three on a multiprocessor.
extern "C" __global__ void __launch_bounds__(256, 2) cached_attention_chunks(CachedAttentionArgs a) {
    after_previous_kernel();
    __shared__ float scores[HeadsAtOnce][ChunkLength], sums[Warps][HeadsAtOnce][256];
    int row = blockIdx.z, group = a.heads / a.kvHeads, kvHead = blockIdx.x;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, pairs = a.headDim / 2;
    int64 rowHead = (int64)row * a.heads + kvHead * group; // the first of the group
    Text text(a, row);

    // The barriers below keep a turn's shared memory from the next one's writes too.
    for (int chunk = blockIdx.y; chunk * ChunkLength < text.visible; chunk += gridDim.y) {
        int start = chunk * ChunkLength, length = min(ChunkLength, text.visible - start), first = text.end - text.visible + start;
        for (int h0 = 0; h0 < group; h0 += HeadsAtOnce) {
            int headCount = min(HeadsAtOnce, group - h0);
            float q[HeadsAtOnce][MostPairs][2] = {};
#pragma unroll
            for (int h = 0; h < HeadsAtOnce; h++) {
#pragma unroll
                for (int i = 0; i < MostPairs; i++) {
                    int pair = lane + i * WARP;
                    if (h < headCount && pair < pairs) load(a.q + (rowHead + h0 + h) * a.headDim + 2 * pair, q[h][i]);
                }
            }

            // Each warp takes every eighth position, all lanes together.
#pragma unroll 4
            for (int p = warp; p < length; p += Warps) {
                const bf16* key = a.keys + text.offset(a, first + p, kvHead);
                float dot[HeadsAtOnce] = {};
#pragma unroll
                for (int i = 0; i < MostPairs; i++) {
                    int pair = lane + i * WARP;
                    if (pair >= pairs) continue;
                    float k[2];
                    load(key + 2 * pair, k);
#pragma unroll
                    for (int h = 0; h < HeadsAtOnce; h++) dot[h] += q[h][i][0] * k[0] + q[h][i][1] * k[1];
                }

#pragma unroll
                for (int h = 0; h < HeadsAtOnce; h++) {
                    float score = warp_sum(dot[h]) * a.scale;
                    if (lane == 0) scores[h][p] = score;
                }
            }

            __syncthreads();
            if (warp < headCount) { // a warp per head turns scores into exp(s − largest)
                float s0 = lane < length ? scores[warp][lane] : -infinity();
                float s1 = lane + WARP < length ? scores[warp][lane + WARP] : -infinity();
                float largest = warp_max(fmaxf(s0, s1));
                s0 = expf(s0 - largest);
                s1 = expf(s1 - largest);
                float total = warp_sum(s0 + s1);
                scores[warp][lane] = s0;
                scores[warp][lane + WARP] = s1;
                float* partial = a.partials + ((rowHead + h0 + warp) * a.chunks + chunk) * (a.headDim + 2);
                if (lane == 0) partial[0] = largest, partial[1] = total;
            }

            __syncthreads();
            float sum[HeadsAtOnce][MostPairs][2] = {};
#pragma unroll 4
            for (int p = warp; p < length; p += Warps) {
                const bf16* value = a.values + text.offset(a, first + p, kvHead);
#pragma unroll
                for (int i = 0; i < MostPairs; i++) {
                    int pair = lane + i * WARP;
                    if (pair >= pairs) continue;
                    float v[2];
                    load(value + 2 * pair, v);
#pragma unroll
                    for (int h = 0; h < HeadsAtOnce; h++) {
                        float weight = h < headCount ? scores[h][p] : 0;
                        sum[h][i][0] += weight * v[0];
                        sum[h][i][1] += weight * v[1];
                    }
                }
            }

#pragma unroll
            for (int h = 0; h < HeadsAtOnce; h++) {
#pragma unroll
                for (int i = 0; i < MostPairs; i++) {
                    int pair = lane + i * WARP;
                    if (pair < pairs) sums[warp][h][2 * pair] = sum[h][i][0], sums[warp][h][2 * pair + 1] = sum[h][i][1];
                }
            }

            __syncthreads();
            for (int i = threadIdx.x; i < headCount * a.headDim; i += blockDim.x) {
                int h = i / a.headDim, d = i % a.headDim;
                float total = 0;
#pragma unroll
                for (int w = 0; w < Warps; w++) total += sums[w][h][d];
                a.partials[((rowHead + h0 + h) * a.chunks + chunk) * (a.headDim + 2) + 2 + d] = total;
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) cached_attention_join(CachedAttentionArgs a) {
    after_previous_kernel();
    int row = blockIdx.y, stride = a.headDim + 2, chunks = (Text(a, row).visible + ChunkLength - 1) / ChunkLength;
    int64 rowHead = (int64)row * a.heads + blockIdx.x;
    const float* partials = a.partials + rowHead * a.chunks * stride;
    float largest = -infinity(), total = 0;
    for (int c = threadIdx.x; c < chunks; c += blockDim.x) largest = fmaxf(largest, partials[(int64)c * stride]);
    largest = block_max(largest);
    for (int c = threadIdx.x; c < chunks; c += blockDim.x)
        total += partials[(int64)c * stride + 1] * expf(partials[(int64)c * stride] - largest);
    total = block_sum(total);
    for (int d = threadIdx.x; d < a.headDim; d += blockDim.x) {
        float sum = 0;
        for (int c = 0; c < chunks; c++) sum += partials[(int64)c * stride + 2 + d] * expf(partials[(int64)c * stride] - largest);
        a.o[rowHead * a.headDim + d] = to_bf16(chunks == 0 ? 0.0f : sum / total);
    }
}
