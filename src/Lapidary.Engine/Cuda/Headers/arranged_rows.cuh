#pragma once
// Rows of x as warpgroups multiply them (project_tiles.cuh), beside their usual form: written by the kernel that makes the rows, or by
// arrange_rows.cu.
#include "ptx.cuh"

// Of 128 columns, unit u is the chunks, of 8 columns, that the lanes of a quad have of a row for products 2u and 2u + 1: these begin Run
// columns apart (project_rows.cuh). They become the four chunks from 4u on: all lanes' first words, then their second ones, and so on.
// Where the word of an even column and the next lies then. An element's number may stand for its column, as rows have whole units.
template <int Run>
__device__ __forceinline__ int64 arranged_word(int64 column) {
    constexpr int Step = 4 * Run, Pieces = Run / 8;
    int c = (int)column & 127, unit = c / Step * Pieces + c % Run / 8, lane = c % Step / Run;
    return (column >> 7) * 64 + unit * 16 + c % 8 / 2 * 4 + lane;
}

// What a kernel writes beside its rows y, of a multiple of 128 columns, for a weight with runs of 16 or 32 columns.
struct ArrangedCopy {
    uint32* words; // null: none
    int run;

    // Where the pair from an even element on lies.
    __device__ __forceinline__ uint32* pair(int64 element) const {
        return words + (run == 32 ? arranged_word<32>(element) : arranged_word<16>(element));
    }

    // Stores a pair of neighbours.
    __device__ __forceinline__ void store(int64 element, uint32 pair) const { *this->pair(element) = pair; }

    // Stores the 8 elements of a chunk.
    __device__ __forceinline__ void store(int64 element, const float (&x)[8]) const {
        uint32* to = pair(element);
#pragma unroll
        for (int i = 0; i < 4; i++) to[4 * i] = pack(x[2 * i], x[2 * i + 1]);
    }
};
