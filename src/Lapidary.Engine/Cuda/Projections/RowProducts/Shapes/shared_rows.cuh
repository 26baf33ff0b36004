#pragma once
// Rows of x in shared memory, for the warps of a block that multiply them with rows of a weight.
#include "project_rows.cuh"

// A step's columns of x.
template <typename W, int NTiles>
struct SharedRows {
    static constexpr int Step = 4 * W::Run, Pieces = W::Run / 8, Chunks = Step / 8, GroupRows = 8 * NTiles;

    uint4 chunks[NTiles][Pieces][WARP]; // lane 4g + t has row g of a tile, and the piece of the t-th run

    // Starts the copies by all threads of a block, or by as many threads of a set. What is not there is zero.
    template <int Threads, int Unroll>
    __device__ __forceinline__ void copy(const act* x, int dim, int step, int rows, int thread = threadIdx.x) {
        constexpr int RowsAtOnce = Threads / Chunks;
        int row = thread / Chunks, chunk = thread % Chunks, column = step * Step + 8 * chunk;
        const act* from = x + (int64)row * dim + column;
        uint4* to = &chunks[0][chunk % Pieces][chunk / Pieces];
#pragma unroll Unroll
        for (int i = 0; i < (GroupRows + RowsAtOnce - 1) / RowsAtOnce; i++) {
            int r = row + i * RowsAtOnce;
            if (r >= GroupRows) continue;
            bool valid = r < rows && column < dim;
            cp_async16(to + r / 8 * (Pieces * WARP) + r % 8 * 4, valid ? from + (int64)(i * RowsAtOnce) * dim : x, valid);
        }
    }

    // sum[n][16 rows of the weight, 8 of x] += those of a piece of both. Several tiles at once: neither loads nor sums wait for each other.
    template <int AtOnce>
    __device__ __forceinline__ void multiply(float (&sum)[NTiles][4], const Piece& top, const Piece& bottom, int piece, int lane) const {
#pragma unroll
        for (int n = 0; n < NTiles; n += AtOnce) {
            uint4 x[AtOnce];
#pragma unroll
            for (int i = 0; i < AtOnce; i++) x[i] = chunks[n + i][piece][lane];
#pragma unroll
            for (int i = 0; i < AtOnce; i++) mma(sum[n + i], {top[0], bottom[0], top[1], bottom[1]}, x[i].x, x[i].y);
#pragma unroll
            for (int i = 0; i < AtOnce; i++) mma(sum[n + i], {top[2], bottom[2], top[3], bottom[3]}, x[i].z, x[i].w);
        }
    }
};
