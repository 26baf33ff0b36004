// Grid: x: query heads, y: tiles of 64 queries, the last first; 4 warps of 16 queries. bf16 tensor-core products, fp32 scores, softmax and sums.
// Kernel _D takes head dimensions to D, tiles padded with zeros: 6 · 64 · D bytes of shared memory; 16-byte accesses where headDim % 8 == 0.
#include "attention.cuh"

struct AttentionForwardArgs
{
    const bf16* q;
    const bf16* k;
    const bf16* v;
    Visibility visibility;
    bf16* o;
    float* lse;
    int heads, kvHeads, headDim;
    float scale;
};

/// Flash attention (arXiv:2205.14135): keys and values arrive tile by tile, K's next during P · V and V's during Q · Kᵀ.
template <int HeadDim>
__device__ __forceinline__ void attention_forward(const AttentionForwardArgs& a)
{
    constexpr int Tile = 64, Threads = 128;
    extern __shared__ uint4 shared[];
    bf16 *q = (bf16*)shared, *k = q + Tile * HeadDim, *v = k + Tile * HeadDim;

    int head = blockIdx.x, kvHead = head / (a.heads / a.kvHeads), firstQuery = (gridDim.y - 1 - blockIdx.y) * Tile;
    int tokens = a.visibility.tokens, endQuery = min(tokens, firstQuery + Tile), warpRow = threadIdx.x / 32 * 16;
    int lane = threadIdx.x % 32, query[2] = {firstQuery + warpRow + lane / 4, firstQuery + warpRow + lane / 4 + 8};
    int firstKey[2] = {a.visibility.first_key_or_none(query[0]), a.visibility.first_key_or_none(query[1])};
    int lastFirstKey = a.visibility.first_key(endQuery - 1);
    int64 qStride = (int64)a.heads * a.headDim, kvStride = (int64)a.kvHeads * a.headDim;
    const bf16 *keys = a.k + kvHead * a.headDim, *values = a.v + kvHead * a.headDim;

    int key = a.visibility.first_key(firstQuery) / Tile * Tile;
    load_tile<HeadDim, Tile, Threads>(q, a.q + firstQuery * qStride + head * a.headDim, qStride, endQuery - firstQuery, a.headDim);
    load_tile<HeadDim, Tile, Threads>(k, keys + key * kvStride, kvStride, tokens - key, a.headDim);

    float sums[HeadDim / 8][4] = {}, maximum[2] = {-INFINITY_F, -INFINITY_F}, total[2] = {0, 0}, scale = a.scale * Log2E;
    for (; key < endQuery; key += Tile)
    {
        cp_async_wait();
        __syncthreads(); // K is there, and V is free
        load_tile<HeadDim, Tile, Threads>(v, values + key * kvStride, kvStride, tokens - key, a.headDim);

        float p[Tile / 8][4];
        product_rows<HeadDim, Tile>(p, q, warpRow, k, 0);
        if (key < lastFirstKey || key + Tile > firstQuery + 1) // some row does not see all of the tile
        {
#pragma unroll
            for (int n = 0; n < Tile / 8; n++)
            {
#pragma unroll
                for (int i = 0; i < 4; i++)
                {
                    int column = key + n * 8 + lane % 4 * 2 + i % 2;
                    if (column < firstKey[i / 2] || column > query[i / 2]) p[n][i] = -INFINITY_F;
                }
            }
        }

#pragma unroll
        for (int r = 0; r < 2; r++)
        {
            float largest = maximum[r];
#pragma unroll
            for (int n = 0; n < Tile / 8; n++) largest = fmaxf(largest, fmaxf(p[n][2 * r], p[n][2 * r + 1]));
            largest = row_max(largest);
            float shift = largest == -INFINITY_F ? 0 : largest * scale; // a row that has seen no key yet
            float correction = exp2_approx(maximum[r] * scale - shift);
            maximum[r] = largest;
            total[r] *= correction;
#pragma unroll
            for (int n = 0; n < Tile / 8; n++)
            {
#pragma unroll
                for (int i = 2 * r; i < 2 * r + 2; i++)
                {
                    p[n][i] = exp2_approx(p[n][i] * scale - shift);
                    total[r] += p[n][i];
                }
            }

#pragma unroll
            for (int n = 0; n < HeadDim / 8; n++)
            {
                sums[n][2 * r] *= correction;
                sums[n][2 * r + 1] *= correction;
            }
        }

        cp_async_wait();
        __syncthreads(); // V is there, and K is free
        if (key + Tile < endQuery)
            load_tile<HeadDim, Tile, Threads>(k, keys + (key + Tile) * kvStride, kvStride, tokens - key - Tile, a.headDim);
#pragma unroll
        for (int step = 0; step < Tile / 16; step++)
        {
            uint32 left[4];
            as_left(left, p, step);
            product_columns<HeadDim, HeadDim>(sums, left, v, 16 * step, 0);
        }
    }

    total[0] = row_sum(total[0]);
    total[1] = row_sum(total[1]);
    for (int r = 0; r < 2; r++)
    {
        if (lane % 4 == 0 && query[r] < tokens)
            a.lse[(int64)head * tokens + query[r]] = (maximum[r] * scale + log2f(total[r])) * Ln2;
    }

    stage<HeadDim, HeadDim>(q, warpRow, 0, sums, 1 / total[0], 1 / total[1]); // a warp reads no rows of q but its own
    __syncthreads();
    store_tile<HeadDim, Tile, Threads>(q, a.o + firstQuery * qStride + head * a.headDim, qStride, endQuery - firstQuery, a.headDim);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_32(AttentionForwardArgs a) { attention_forward<32>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_forward_64(AttentionForwardArgs a) { attention_forward<64>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_forward_128(AttentionForwardArgs a) { attention_forward<128>(a); }
extern "C" __global__ void __launch_bounds__(128) attention_forward_256(AttentionForwardArgs a) { attention_forward<256>(a); }
