#pragma once
// What the attention kernels share: which keys a token sees, tiles of rows of act in shared memory, and products of tiles on tensor cores.
#include "elements.cuh"

constexpr float Log2E = 1.44269504f, Ln2 = 0.693147181f;

// Which keys are visible: token j to token i iff documentStarts[i] ≤ j ≤ i and i − j < window.
struct Visibility {
    const int* documentStarts;
    int tokens, window;

    // The first key that a token sees; the last is its own. It never decreases from token to token, since documents follow each other.
    __device__ __forceinline__ int first_key(int token) const { return max(documentStarts[token], token - window + 1); }

    // The first key of a row of a tile, which may lie past the last token: such a row sees nothing.
    __device__ __forceinline__ int first_key_or_none(int token) const { return token < tokens ? first_key(token) : 0x7fffffff; }
};

// Where 8 elements of a row of a tile lie. Runs of 8 elements (16 bytes) are permuted so that the same run of 8 rows lies in different
// banks.
template <int HeadDim>
__device__ __forceinline__ int tile_offset(int row, int run) {
    int swizzle = HeadDim >= 64 ? row & 7 : row >> 1 & 3;
    return row * HeadDim + ((run ^ swizzle) << 3);
}

// Rows of the queries of all heads that share a key head, token by token, so that a tile of keys is loaded once for all of these heads.
// Row r of a tile is row first + r: head r % group of token r / group.
struct QueryRows {
    int first, end, group, kvHead, tokens, headDim;

    __device__ __forceinline__ QueryRows(int tile, int rows, int kvHead, int group, int tokens, int headDim)
        : first(tile * rows), end(min(tile * rows + rows, tokens * group)), group(group), kvHead(kvHead), tokens(tokens),
          headDim(headDim) {}

    __device__ __forceinline__ int count() const { return end - first; }

    __device__ __forceinline__ int token(int row) const { return (uint32)(first + row) / (uint32)group; }

    __device__ __forceinline__ int end_token() const { return token(count() - 1) + 1; }

    __device__ __forceinline__ int head(int row) const { return kvHead * group + (uint32)(first + row) % (uint32)group; }

    // Where a row's value lies in [heads, tokens].
    __device__ __forceinline__ int64 statistic(int row) const { return (int64)head(row) * tokens + token(row); }
};

// Where the rows of a tile lie: those of a key head, stride elements from one token to the next, or those of QueryRows.
struct KeyOffsets {
    int64 stride;
    __device__ __forceinline__ int64 operator()(int row) const { return row * stride; }
};

struct QueryOffsets {
    QueryRows rows;
    int64 stride;
    __device__ __forceinline__ int64 operator()(int row) const { return rows.token(row) * stride + rows.head(row) * rows.headDim; }
};

// Starts the copy of Rows rows of headDim elements to a tile whose rows have HeadDim; the rest of each row and rows from `rows` on become
// zeros.
template <int HeadDim, int Rows, int Threads, typename Offsets>
__device__ __forceinline__ void load_tile(act* tile, const act* source, Offsets offsets, int rows, int headDim) {
    constexpr int Runs = HeadDim / 8;
    if (headDim == HeadDim && rows >= Rows) { // most tiles: nothing to compare
#pragma unroll
        for (int i = 0; i < Rows * Runs; i += Threads) {
            int row = (i + threadIdx.x) / Runs, run = threadIdx.x % Runs;
            if (Rows * Runs % Threads == 0 || row < Rows)
                cp_async16(tile + tile_offset<HeadDim>(row, run), source + offsets(row) + run * 8, true);
        }
    } else if (headDim % 8 == 0) {
#pragma unroll 1
        for (int i = threadIdx.x; i < Rows * Runs; i += Threads) {
            int row = i / Runs, run = i % Runs;
            bool valid = row < rows && run * 8 < headDim;
            cp_async16(tile + tile_offset<HeadDim>(row, run), valid ? source + offsets(row) + run * 8 : source, valid);
        }
    } else {
#pragma unroll 1
        for (int i = threadIdx.x; i < Rows * HeadDim; i += Threads) {
            int row = i / HeadDim, column = i % HeadDim;
            bool valid = row < rows && column < headDim;
            tile[tile_offset<HeadDim>(row, column / 8) + column % 8] = valid ? source[offsets(row) + column] : act{0};
        }
    }
}

// Writes the first `rows` rows of a tile, of headDim elements each.
template <int HeadDim, int Rows, int Threads, typename Offsets>
__device__ __forceinline__ void store_tile(const act* tile, act* target, Offsets offsets, int rows, int headDim) {
    if (headDim % 8 == 0) {
        for (int i = threadIdx.x; i < Rows * HeadDim / 8; i += Threads) {
            int row = i / (HeadDim / 8), run = i % (HeadDim / 8);
            if (row < rows && run * 8 < headDim)
                *(uint4*)(target + offsets(row) + run * 8) = *(const uint4*)(tile + tile_offset<HeadDim>(row, run));
        }
    } else {
#pragma unroll 1
        for (int i = threadIdx.x; i < Rows * HeadDim; i += Threads) {
            int row = i / HeadDim, column = i % HeadDim;
            if (row < rows && column < headDim) target[offsets(row) + column] = tile[tile_offset<HeadDim>(row, column / 8) + column % 8];
        }
    }
}

// The tile of a block: the longest first, so that no multiprocessor starts a long tile when the others are done. More tiles than threads
// are ordered in runs of neighbours, those that fill no run first. The same in all threads.
template <int Threads, typename Length>
__device__ __forceinline__ int longest_first(int block, int tiles, Length length) {
    __shared__ int4 keys[Threads / 4];
    __shared__ int chosen;
    int run = (tiles + Threads - 1) / Threads, runs = tiles / run, rest = tiles % run, i = threadIdx.x;
    if (block < rest) return runs * run + block;
    int key = i < runs ? length(i * run) * Threads + Threads - 1 - i : -1; // no two alike
    ((int*)keys)[i] = key;
    __syncthreads();
    int longer = 0;
#pragma unroll 8
    for (int other = 0; other < Threads / 4; other++) {
        int4 four = keys[other];
        longer += (four.x > key) + (four.y > key) + (four.z > key) + (four.w > key);
    }

    if (i < runs && longer == (block - rest) / run) chosen = i;
    __syncthreads();
    return chosen * run + (block - rest) % run;
}

// The tile of query rows of a block: those that see the most tiles of keys first.
template <int Rows, int Threads, int Keys, typename Args>
__device__ __forceinline__ QueryRows longest_rows(const Args& a, int kvHead) {
    int tokens = a.visibility.tokens, group = a.heads / a.kvHeads;
    int tile = longest_first<Threads>(blockIdx.y, gridDim.y, [&](int tile) {
        QueryRows rows(tile, Rows, kvHead, group, tokens, a.headDim);
        return (rows.end_token() - a.visibility.first_key(rows.token(0))) / Keys;
    });
    return QueryRows(tile, Rows, kvHead, group, tokens, a.headDim);
}

// Starts the copies of a tile of keys, from `key` on, and of their values.
template <int HeadDim, int Keys, int Threads, typename Args>
__device__ __forceinline__ void load_keys(act* k, act* v, const Args& a, KeyOffsets keys, int kvHead, int key, int tokens) {
    int64 offset = key * keys.stride + kvHead * a.headDim;
    load_tile<HeadDim, Keys, Threads>(k, a.k + offset, keys, tokens - key, a.headDim);
    load_tile<HeadDim, Keys, Threads>(v, a.v + offset, keys, tokens - key, a.headDim);
}

// Scores of a tile of keys, from `key` on, that a lane's two rows do not see become −∞.
template <int Tiles>
__device__ __forceinline__ void hide_unseen(float (&scores)[Tiles][4], int key, const int (&firstKey)[2], const int (&query)[2]) {
#pragma unroll
    for (int n = 0; n < Tiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int column = key + n * 8 + threadIdx.x % WARP % 4 * 2 + i % 2;
            if (column < firstKey[i / 2] || column > query[i / 2]) scores[n][i] = -infinity();
        }
    }
}

// Puts a warp's 16 rows of fp32 sums into a tile as act: those of rows 0 to 7 times low, the others times high.
template <int HeadDim, int N>
__device__ __forceinline__ void stage(act* tile, int row, int column, const float (&c)[N / 8][4], float low, float high) {
    int lane = threadIdx.x % WARP, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int n = 0; n < N / 8; n++) {
        *(uint32*)(tile + tile_offset<HeadDim>(row + g, column / 8 + n) + 2 * t) = pack(c[n][0] * low, c[n][1] * low);
        *(uint32*)(tile + tile_offset<HeadDim>(row + g + 8, column / 8 + n) + 2 * t) = pack(c[n][2] * high, c[n][3] * high);
    }
}

// c[16M, N] = a · bᵀ over HeadDim, for 16M rows of tile a from aRow and N rows of tile b from bRow.
template <int HeadDim, int N, int M>
__device__ __forceinline__ void product_rows(float (&c)[M][N / 8][4], const act* a, int aRow, const act* b, int bRow) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int n = 0; n < N / 8; n++) c[m][n][0] = c[m][n][1] = c[m][n][2] = c[m][n][3] = 0;
    }

#pragma unroll
    for (int k = 0; k < HeadDim / 16; k++) {
        uint32 x[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) ldmatrix_x4(x[m], a + tile_offset<HeadDim>(aRow + 16 * m + lane % 16, 2 * k + lane / 16));
#pragma unroll
        for (int n = 0; n < N / 16; n++) {
            uint32 y[4]; // rows 0 to 7 at k and k + 8, then rows 8 to 15
            ldmatrix_x4(y, b + tile_offset<HeadDim>(bRow + 16 * n + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
#pragma unroll
            for (int m = 0; m < M; m++) {
                mma(c[m][2 * n], x[m], y[0], y[1]);
                mma(c[m][2 * n + 1], x[m], y[2], y[3]);
            }
        }
    }
}

// c[16M, N] += a[16M, 16] · b, for 16 rows of tile b from bRow and N of its columns from bColumn.
template <int HeadDim, int N, int M>
__device__ __forceinline__ void product_columns(float (&c)[M][N / 8][4], const uint32 (&a)[M][4], const act* b, int bRow, int bColumn) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int n = 0; n < N / 16; n++) {
        uint32 y[4]; // columns 0 to 7 at k and k + 8, then columns 8 to 15
        ldmatrix_x4_trans(y, b + tile_offset<HeadDim>(bRow + lane % 16, bColumn / 8 + 2 * n + lane / 16));
#pragma unroll
        for (int m = 0; m < M; m++) {
            mma(c[m][2 * n], a[m], y[0], y[1]);
            mma(c[m][2 * n + 1], a[m], y[2], y[3]);
        }
    }
}

// Columns 16k to 16k + 15 of fp32 sums c[16, N] as the left side of a further product.
template <int Tiles>
__device__ __forceinline__ void as_left(uint32 (&a)[4], const float (&c)[Tiles][4], int k) {
    a[0] = pack(c[2 * k][0], c[2 * k][1]);
    a[1] = pack(c[2 * k][2], c[2 * k][3]);
    a[2] = pack(c[2 * k + 1][0], c[2 * k + 1][1]);
    a[3] = pack(c[2 * k + 1][2], c[2 * k + 1][3]);
}

// The sum, or the maximum, over the four lanes that share a row of sums.
__device__ __forceinline__ float row_sum(float x) {
    x += __shfl_xor_sync(FULL_MASK, x, 1);
    return x + __shfl_xor_sync(FULL_MASK, x, 2);
}

__device__ __forceinline__ float row_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(FULL_MASK, x, 1));
    return fmaxf(x, __shfl_xor_sync(FULL_MASK, x, 2));
}
