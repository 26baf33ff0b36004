// Products of more rows with weights that have too few rows to give every multiprocessor a tile, see project_rows.cuh. A block takes a
// bundle of a tile, and each of its sets of RowWarps warps a part of it: a warp 16 rows of the weight and all rows of x of the block. The
// last of a tile's blocks adds up the bundles. Grid: x: bundles of tiles of rows of the weights, one weight after the other; y: groups of
// rows of x.
// Dynamic shared memory: the weight's tables, and up to 2 steps of x for each set, or later the sums of the parts.
#include "shared_rows.cuh"

constexpr int RowWarps = 4, Stages = 2;

// What the compilers for these devices fit into the 128 registers of a thread.
#if __CUDA_ARCH__ >= 900
constexpr int TilesAtOnce = 2;
#else
constexpr int TilesAtOnce = 4;
#endif

template <typename W, int NTiles>
__device__ __forceinline__ void project_split(const ProjectRowsArgs& a) {
    constexpr int SetThreads = WARP * RowWarps, Threads = SetThreads * MaxBundleParts, TileRows = 16 * RowWarps, GroupRows = 8 * NTiles;
    constexpr int Pieces = W::Run / 8, Stride = TileRows + 4; // no two lanes of a store in one bank
    constexpr int SharedRowsOf = Threads / TileRows, Shares = GroupRows / SharedRowsOf; // a thread has outputs of rows of one column
    extern __shared__ uint4 shared[];
    __shared__ bool isLast;
    typename W::Tables* tables = (typename W::Tables*)shared;
    SharedRows<W, NTiles>* xs = (SharedRows<W, NTiles>*)(tables + 1); // [Stages, sets]
    float* sums = (float*)xs; // [parts, GroupRows, Stride]
    int tile = blockIdx.x / a.bundles, bundle = blockIdx.x % a.bundles, parts = min(a.parts - bundle * a.bundleParts, a.bundleParts);
    BlockTile at(a, tile, TileRows);
    const W weight(a, at.which, tables);
    int set = threadIdx.x / SetThreads, warp = threadIdx.x / WARP % RowWarps;
    int lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.y * GroupRows, rows = min(a.rows - firstRow, GroupRows);
    const act* x = a.x + (int64)firstRow * a.dim;
    int first = (bundle * a.bundleParts + set) * a.partSteps, steps = set < parts ? min(a.partSteps, a.steps - first) : 0;
    typename W::Row row[2];
    typename W::Fetched run[Stages][2];
    auto fetch = [&](int i, typename W::Fetched(&to)[2]) {
        if (i >= steps) return;
#pragma unroll
        for (int r = 0; r < 2; r++) weight.fetch(row[r], (first + i) * 4 * W::Run + quad * W::Run, to[r]);
    };
    auto copy = [&](int i) {
        if (i < steps) {
            xs[i % Stages * MaxBundleParts + set].template copy<SetThreads, 1>(x, a.dim, first + i, rows, (int)threadIdx.x % SetThreads);
        }

        cp_async_commit();
    };
#pragma unroll
    for (int r = 0; r < 2; r++) row[r] = weight.row(min(at.firstOut + 16 * warp + 8 * r + group, outDim - 1));
#pragma unroll
    for (int i = 0; i < Stages; i++) fetch(i, run[i]);
    weight.prepare(); // the barrier is that of the first step
    after_previous_kernel();
    let_next_kernel_start();
    for (int i = 0; i < Stages; i++) copy(i);
    float sum[NTiles][4] = {};
    for (int firstStep = 0; firstStep < a.partSteps; firstStep += Stages) {
#pragma unroll
        for (int d = 0; d < Stages; d++) {
            int i = firstStep + d;
            if (i >= a.partSteps) continue;
            cp_async_wait_groups<Stages - 1>();
            __syncthreads(); // this step's x is there
            if (i < steps) {
#pragma unroll
                for (int r = 0; r < 2; r++) weight.complete(run[d][r]);
#pragma unroll
                for (int piece = 0; piece < Pieces; piece++) {
                    Piece top, bottom;
                    weight.decode(run[d][0], piece, top);
                    weight.decode(run[d][1], piece, bottom);
                    xs[d * MaxBundleParts + set].template multiply<TilesAtOnce>(sum, top, bottom, piece, lane);
                }
            }

            fetch(i + Stages, run[d]);
            __syncthreads(); // its place is free
            copy(i + Stages);
        }
    }

    if (set < parts) {
        float* to = sums + (set * GroupRows + 2 * quad) * Stride + 16 * warp + group;
#pragma unroll
        for (int n = 0; n < NTiles; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) to[(8 * n + i % 2) * Stride + 8 * (i / 2)] = sum[n][i];
        }
    }

    __syncthreads();
    int column = threadIdx.x % TileRows, sharedRow = threadIdx.x / TileRows;
    float y[Shares];
#pragma unroll
    for (int i = 0; i < Shares; i++) {
        const float* from = sums + (sharedRow + i * SharedRowsOf) * Stride + column;
        y[i] = 0;
#pragma unroll
        for (int part = 0; part < MaxBundleParts; part++) {
            if (part < parts) y[i] += from[part * GroupRows * Stride];
        }
    }

    if (a.bundles > 1) {
        int64 place = (int64)blockIdx.y * (gridDim.x / a.bundles) + tile;
        float* partial = a.partial + place * a.bundles * (Shares * Threads) + threadIdx.x;
#pragma unroll
        for (int i = 0; i < Shares; i++) partial[(bundle * Shares + i) * Threads] = y[i];
        if (!is_last_block(a.arrivals + place, a.bundles, isLast)) return;
#pragma unroll
        for (int i = 0; i < Shares; i++) y[i] = 0;
#pragma unroll 4
        for (int b = 0; b < a.bundles; b++) {
#pragma unroll
            for (int i = 0; i < Shares; i++) y[i] += __ldcg(partial + (b * Shares + i) * Threads);
        }
    }

#pragma unroll
    for (int i = 0; i < Shares; i++) {
        int r = sharedRow + i * SharedRowsOf, out = at.firstOut + column;
        if (r < rows && out < outDim) store_y(a, at.which, firstRow + r, out, y[i]);
    }
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_split(const __grid_constant__ ProjectRowsArgs a) {
    project_split<Nf4Rows<false>, 8>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_split32(const __grid_constant__ ProjectRowsArgs a) {
    project_split<Nf4Rows<false>, 4>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_nested_split(const __grid_constant__ ProjectRowsArgs a) {
    project_split<Nf4Rows<true>, 8>(a);
}

extern "C" __global__ void __launch_bounds__(512) project_rows_nf4_nested_split32(const __grid_constant__ ProjectRowsArgs a) {
    project_split<Nf4Rows<true>, 4>(a);
}
