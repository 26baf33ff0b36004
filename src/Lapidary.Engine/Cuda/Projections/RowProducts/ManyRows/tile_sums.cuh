#pragma once
// Sums of tiles, 16 rows of a weight by a warp and 8 · NTiles of x, in their order: parts make bundles, and bundles outputs.
#include "project_rows.cuh"

// to += x, and x = 0 where Clear: a warpgroup's first product of a part overwrites its sum.
template <bool Clear = true, int NTiles>
__device__ __forceinline__ void move_sum(float (&to)[NTiles][4], float (&x)[NTiles][4]) {
#pragma unroll
    for (int n = 0; n < NTiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            to[n][i] += x[n][i];
            if constexpr (Clear) x[n][i] = 0;
        }
    }
}

// Stores a block's bundle among those of its tile, by its first Threads threads. partial: of the thread, of the first bundle.
template <int Threads, int NTiles>
__device__ __forceinline__ void store_bundle(float4* partial, int bundleIndex, const float (&bundle)[NTiles][4]) {
#pragma unroll
    for (int n = 0; n < NTiles; n++)
        partial[(bundleIndex * NTiles + n) * Threads] = make_float4(bundle[n][0], bundle[n][1], bundle[n][2], bundle[n][3]);
}

// Stores a block's bundle. In the last of a tile's blocks, total becomes the sum of all bundles, in their order; false in the others.
// place: of the tile among all groups' tiles.
template <int NTiles, int Threads>
__device__ __forceinline__ bool join_bundles(
    const ProjectRowsArgs& a, int bundleIndex, int64 place, bool& isLast, const float (&bundle)[NTiles][4], float (&total)[NTiles][4]) {
    constexpr int AtOnce = NTiles > 4 ? 2 : 4; // bundles whose loads are under way
    float4* partial = (float4*)a.partial + place * a.bundles * (NTiles * Threads) + threadIdx.x;
    store_bundle<Threads>(partial, bundleIndex, bundle);
    if (!is_last_block(a.arrivals + place, a.bundles, isLast)) return false;
    for (int first = 0; first < a.bundles; first += AtOnce) {
        float4 part[AtOnce][NTiles];
#pragma unroll
        for (int b = 0; b < AtOnce; b++) {
#pragma unroll
            for (int n = 0; n < NTiles; n++)
                part[b][n] = first + b < a.bundles ? __ldcg(partial + ((first + b) * NTiles + n) * Threads) : make_float4(0, 0, 0, 0);
        }

#pragma unroll
        for (int b = 0; b < AtOnce; b++) {
#pragma unroll
            for (int n = 0; n < NTiles; n++) {
                total[n][0] += part[b][n].x, total[n][1] += part[b][n].y;
                total[n][2] += part[b][n].z, total[n][3] += part[b][n].w;
            }
        }
    }

    return true;
}

// Where a warp's sums of a tile go, as pairs of neighbours in a row: lanes of two neighbours have them for two rows, and each takes a row.
// Of gated kernels the results are the first two of each 8 rows of x, and are stored arranged as well where asked for. y act, rows of an
// even length.
template <bool Gated>
struct PairsOfTile {
    act* y;
    uint32* copy;
    int row, rows, dim; // the lane's row in each 8; of the tile; of a row of y
    bool odd;

    __device__ __forceinline__ PairsOfTile(const ProjectRowsArgs& a, const BlockTile& at, int out, int firstRow, int rows, int)
        : rows(rows), dim(a.outDim[at.which]), odd(out % 2 != 0) {
        row = threadIdx.x % 4 * 2 + odd;
        int64 first = (int64)(firstRow + row) * dim + at.firstOut + out - odd;
        y = (act*)a.y[at.which] + first;
        copy = Gated && a.copy.words ? a.copy.pair(first) : nullptr; // rows of a copy have whole units
    }

    // Stores the sums of 8 rows from 8n on, by all lanes.
    __device__ __forceinline__ void store(int n, const float (&sums)[4]) const {
        int place = 8 * n * dim;
#pragma unroll
        for (int i = 0; i < (Gated ? 2 : 4); i += 2) {
            float other = __shfl_xor_sync(FULL_MASK, odd ? sums[i] : sums[i + 1], 4);
            float pair[2] = {odd ? other : sums[i], odd ? sums[i + 1] : other};
            if (8 * n + row >= rows) continue;
            ::store(y + place + 4 * i, pair);
            if (Gated && copy) copy[place / 2] = pack(pair[0], pair[1]);
        }
    }
};

// The same one by one, of whole tiles in fp32.
struct FloatsOfTile {
    float* y;
    int dim, row, end; // of a row of y; the lane's first row of x, and what follows the last

    __device__ __forceinline__ FloatsOfTile(const ProjectRowsArgs& a, const BlockTile& at, int out, int firstRow, int, int)
        : dim(a.outDim[at.which]), row(firstRow + threadIdx.x % 4 * 2), end(a.rows) {
        y = (float*)a.y[at.which] + (int64)row * dim + at.firstOut + out;
    }

    __device__ __forceinline__ void store(int n, const float (&sums)[4]) const {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (row + 8 * n + i % 2 < end) y[(8 * n + i % 2) * dim + 8 * (i / 2)] = sums[i];
        }
    }
};

// The same, where tiles or rows end otherwise.
template <bool Gated>
struct ElementsOfTile {
    const ProjectRowsArgs& a;
    BlockTile at;
    int out, firstRow, rows, outs;

    __device__ __forceinline__ ElementsOfTile(const ProjectRowsArgs& a, const BlockTile& at, int out, int firstRow, int rows, int outs)
        : a(a), at(at), out(out), firstRow(firstRow), rows(rows), outs(outs) {}

    __device__ __forceinline__ void store(int n, const float (&sums)[4]) const {
#pragma unroll
        for (int i = 0; i < (Gated ? 2 : 4); i++) {
            int row = 8 * n + threadIdx.x % 4 * 2 + i % 2, to = out + 8 * (i / 2);
            if (row < rows && to < outs) store_y(a, at.which, firstRow + row, at.firstOut + to, sums[i]);
        }
    }
};

// Calls use.run with what stores a warp's sums of a tile, of TileOuts outputs and so many rows of x from firstRow on.
template <bool Gated, int TileOuts, typename Use>
__device__ __forceinline__ void with_stores(const ProjectRowsArgs& a, const BlockTile& at, int firstRow, int rows, const Use& use) {
    int dim = a.outDim[at.which], outs = min(dim - at.firstOut, TileOuts);
    int out = (Gated ? 8 : 16) * (threadIdx.x / WARP) + threadIdx.x % WARP / 4;
    bool isWide = a.yType[at.which] == FLOAT32;
    if (outs < TileOuts || dim % 2 != 0) use.run(ElementsOfTile<Gated>(a, at, out, firstRow, rows, outs));
    else if (!Gated && isWide) use.run(FloatsOfTile(a, at, out, firstRow, rows, outs));
    else use.run(PairsOfTile<Gated>(a, at, out, firstRow, rows, outs));
}

template <int NTiles>
struct StoreTotal {
    const float (&total)[NTiles][4];

    template <typename To>
    __device__ __forceinline__ void run(const To& to) const {
#pragma unroll
        for (int n = 0; n < NTiles; n++) to.store(n, total[n]);
    }
};

// Stores a warp's results, of gated kernels the activations.
template <int NTiles, bool Gated, int TileOuts>
__device__ __forceinline__ void store_tile(
    const ProjectRowsArgs& a, const BlockTile& at, float (&total)[NTiles][4], int firstRow, int rows) {
    if constexpr (Gated) {
#pragma unroll
        for (int n = 0; n < NTiles; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++) total[n][i] = gated(total[n][i], total[n][i + 2]);
        }
    }

    with_stores<Gated, TileOuts>(a, at, firstRow, rows, StoreTotal<NTiles>{total});
}
