// Grid: chunks: x: key heads, y: chunks of 64 positions, 8 warps; join: a block of 128 per query head. fp32 scores, softmax and sums, in a
// fixed order. q, keys, values, o bf16, headDim even, at most 256: a lane takes pairs of elements, 4 bytes, coalesced.
#include "elements.cuh"

constexpr int ChunkLength = 64, Warps = 8, MostPairs = 4; // pairs of a lane at headDim 256

struct AttentionDecodeArgs {
    const bf16* q;
    const bf16* keys;
    const bf16* values;
    const int* position;
    float* partials; // [heads, chunks, headDim + 2]: the largest score, Σ exp(s − largest), Σ exp(s − largest)·v
    bf16* o;
    int heads, kvHeads, headDim, capacity, window, chunks;
    float scale;
};

// The visible positions are the last of the ring: the window, or as many as there are.
__device__ __forceinline__ int visible_positions(const AttentionDecodeArgs& a) {
    return min(min(*a.position + 1, a.window), a.capacity);
}

__device__ __forceinline__ int64 slot_offset(const AttentionDecodeArgs& a, int position, int kvHead) {
    return ((int64)(position % a.capacity) * a.kvHeads + kvHead) * a.headDim;
}

// Up to four query heads of a group at a time, so that a key or value is read once for them.
constexpr int HeadsAtOnce = 4;

// Two blocks on a multiprocessor suffice for the grid of one token; where no number is asked for, the compiler may spill to make room for
// three.
extern "C" __global__ void __launch_bounds__(256, 2) attention_decode_chunks(AttentionDecodeArgs a) {
    after_previous_kernel();
    __shared__ float scores[HeadsAtOnce][ChunkLength], sums[Warps][HeadsAtOnce][256];
    int visible = visible_positions(a), start = blockIdx.y * ChunkLength, length = min(ChunkLength, visible - start);
    if (length <= 0) return; // the grid is that of a full ring
    int first = *a.position + 1 - visible + start, group = a.heads / a.kvHeads, kvHead = blockIdx.x;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, pairs = a.headDim / 2;

    for (int h0 = 0; h0 < group; h0 += HeadsAtOnce) {
        int head = kvHead * group + h0, headCount = min(HeadsAtOnce, group - h0);
        float q[HeadsAtOnce][MostPairs][2] = {};
#pragma unroll
        for (int h = 0; h < HeadsAtOnce; h++) {
#pragma unroll
            for (int i = 0; i < MostPairs; i++) {
                int pair = lane + i * WARP;
                if (h < headCount && pair < pairs) load(a.q + (int64)(head + h) * a.headDim + 2 * pair, q[h][i]);
            }
        }

        // Each warp takes every eighth position, all lanes together.
#pragma unroll 4
        for (int p = warp; p < length; p += Warps) {
            const bf16* key = a.keys + slot_offset(a, first + p, kvHead);
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
            float* partial = a.partials + ((int64)(head + warp) * a.chunks + blockIdx.y) * (a.headDim + 2);
            if (lane == 0) partial[0] = largest, partial[1] = total;
        }

        __syncthreads();
        float sum[HeadsAtOnce][MostPairs][2] = {};
#pragma unroll 4
        for (int p = warp; p < length; p += Warps) {
            const bf16* value = a.values + slot_offset(a, first + p, kvHead);
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
            a.partials[((int64)(head + h) * a.chunks + blockIdx.y) * (a.headDim + 2) + 2 + d] = total;
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) attention_decode_join(AttentionDecodeArgs a) {
    after_previous_kernel();
    int chunks = (visible_positions(a) + ChunkLength - 1) / ChunkLength, stride = a.headDim + 2, head = blockIdx.x;
    const float* partials = a.partials + (int64)head * a.chunks * stride;
    float largest = -infinity(), total = 0;
    for (int c = threadIdx.x; c < chunks; c += blockDim.x) largest = fmaxf(largest, partials[(int64)c * stride]);
    largest = block_max(largest);
    for (int c = threadIdx.x; c < chunks; c += blockDim.x)
        total += partials[(int64)c * stride + 1] * expf(partials[(int64)c * stride] - largest);
    total = block_sum(total);
    for (int d = threadIdx.x; d < a.headDim; d += blockDim.x) {
        float sum = 0;
        for (int c = 0; c < chunks; c++) sum += partials[(int64)c * stride + 2 + d] * expf(partials[(int64)c * stride] - largest);
        a.o[(int64)head * a.headDim + d] = to_bf16(sum / total);
    }
}
