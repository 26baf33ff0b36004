// Products of more rows, see project_rows.cuh. A warp takes 16 rows of a weight and all rows of x of the block, step by step; the warps of
// a block share the steps' columns of x, which come to shared memory two steps ahead, in the order in which lanes read them. Grid: x: tiles
// of rows of the weights, one weight after the other; y: groups of rows of x. Two kinds of kernels:
// - many: 7 warps and 64 rows of x; every block takes all parts, and adds up their sums in registers.
// - split: 4 warps and 32 rows of x, for weights with too few rows to give every multiprocessor a tile: the blocks of a cluster share the
//   parts of a tile, warpParts each and at least one, and keep the parts' sums in shared memory. From sm_90 on.
// Dynamic shared memory: the weight's tables, Stages steps of x, and under split the sums of the parts, [warpParts, 32, 68] of fp32.
#include "cluster.cuh"
#include "project_rows.cuh"

constexpr int Stages = 3;

template <typename W, int NTiles>
struct SharedX {
    static constexpr int Step = 4 * W::Run, Pieces = W::Run / 8, Chunks = Step / 8;

    uint4 chunks[NTiles][Pieces][WARP]; // lane 4g + t has row g of a tile, and the piece of the t-th run

    // The columns of a step for the first tiles; what is not there is zero.
    __device__ __forceinline__ void copy(const bf16* x, int dim, int step, int rows, int tiles) {
        for (int c = threadIdx.x; c < tiles * 8 * Chunks; c += blockDim.x) {
            int row = c / Chunks, chunk = c % Chunks, column = step * Step + 8 * chunk;
            uint4* to = &chunks[row / 8][chunk % Pieces][row % 8 * 4 + chunk / Pieces];
            bool valid = row < rows && column < dim;
            cp_async16(to, valid ? x + (int64)row * dim + column : x, valid);
        }
    }
};

template <typename W, int RowWarps, int NTiles, int Depth, bool Split, bool Gated = false>
__device__ __forceinline__ void project_many(const ProjectRowsArgs& a) {
    static_assert(!(Split && Gated));
    constexpr int TileRows = 16 * RowWarps, TileOuts = Gated ? TileRows / 2 : TileRows, GroupRows = 8 * NTiles, Pieces = W::Run / 8;
    constexpr int Stride = TileRows + 4; // no two lanes of a store in one bank
    extern __shared__ uint4 shared[];
    typename W::Tables* tables = (typename W::Tables*)shared;
    SharedX<W, NTiles>* xs = (SharedX<W, NTiles>*)(tables + 1);
    float* partial = (float*)(xs + Stages);
    int blocks = Split ? a.clusterBlocks : 1, rank = Split ? blockIdx.x % blocks : 0;
    BlockTile at(a, blockIdx.x / blocks, TileOuts);
    const W weights[2] = {W(a, Gated ? 0 : at.which, tables), W(a, Gated ? 1 : at.which, tables)}; // of rows group and 8 + group
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.y * GroupRows, rows = min(a.rows - firstRow, GroupRows);
    int tiles = rows > GroupRows / 2 ? NTiles : NTiles / 2; // of 8 rows of x
    const bf16* x = a.x + (int64)firstRow * a.dim;
    int first = rank * a.warpParts * a.partSteps, end = Split ? min(first + a.warpParts * a.partSteps, a.steps) : a.steps;
    typename W::Row row[2];
    typename W::Fetched run[Depth][2];
    auto fetch = [&](int step, typename W::Fetched(&to)[2]) {
        if (step >= end) return;
#pragma unroll
        for (int r = 0; r < 2; r++) weights[r].fetch(row[r], step * 4 * W::Run + quad * W::Run, to[r]);
    };
#pragma unroll
    for (int r = 0; r < 2; r++) row[r] = weights[r].row(min(at.firstOut + (Gated ? 8 * warp : 16 * warp + 8 * r) + group, outDim - 1));
#pragma unroll
    for (int d = 0; d < Depth; d++) fetch(first + d, run[d]);
    weights[0].prepare(); // the barrier is that of the first step
    after_previous_kernel();
    let_next_kernel_start();
    for (int s = 0; s < Stages - 1; s++) {
        if (first + s < end) xs[s].copy(x, a.dim, first + s, rows, tiles);
        cp_async_commit();
    }

    float sum[NTiles][4] = {}, total[Split ? 1 : NTiles][4] = {};
    int left = a.partSteps; // steps of the part
    float* to = partial + 2 * quad * Stride + 16 * warp + group;
    for (int firstStep = first, slot = 0; firstStep < end; firstStep += Depth) {
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            int step = firstStep + d;
            if (step >= end) continue;
            cp_async_wait_groups<Stages - 2>();
            __syncthreads(); // this step's x is there, and the place of the one before it is free
            int ahead = slot == 0 ? Stages - 1 : slot - 1;
            if (step + Stages - 1 < end) xs[ahead].copy(x, a.dim, step + Stages - 1, rows, tiles);
            cp_async_commit();
#pragma unroll
            for (int r = 0; r < 2; r++) weights[r].complete(run[d][r]);
#pragma unroll
            for (int piece = 0; piece < Pieces; piece++) {
                Piece top, bottom;
                weights[0].decode(run[d][0], piece, top);
                weights[1].decode(run[d][1], piece, bottom);
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    if (half == 1 && tiles < NTiles) continue;
#pragma unroll
                    for (int n = half * NTiles / 2; n < (half + 1) * NTiles / 2; n++) {
                        uint4 words = xs[slot].chunks[n][piece][lane];
                        multiply(sum[n], top, bottom, {words.x, words.y, words.z, words.w});
                    }
                }
            }

            fetch(step + Depth, run[d]);
            slot = slot == Stages - 1 ? 0 : slot + 1;
            if (--left > 0 && step + 1 < end) continue;
            left = a.partSteps;
#pragma unroll
            for (int n = 0; n < NTiles; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    if constexpr (Split) to[(8 * n + i % 2) * Stride + 8 * (i / 2)] = sum[n][i];
                    else total[n][i] += sum[n][i];
                    sum[n][i] = 0;
                }
            }

            to += GroupRows * Stride;
        }
    }

    if constexpr (Split) {
        cluster_arrive();
        cluster_wait(); // the sums of all blocks are there
        for (int e = rank * blockDim.x + threadIdx.x; e < rows * TileRows; e += blocks * blockDim.x) {
            int r = e / TileRows, out = e % TileRows;
            if (at.firstOut + out >= outDim) continue;
            float y = 0;
            for (int block = 0, part = 0; block < blocks; block++) {
                uint32 from = address_in_block(partial + r * Stride + out, block);
                for (int i = 0; i < a.warpParts && part < a.parts; i++, part++)
                    y += load_from_block(from + i * GroupRows * Stride * (uint32)sizeof(float));
            }

            store_y(a, at.which, firstRow + r, at.firstOut + out, y);
        }

        cluster_arrive();
        cluster_wait(); // no block ends while others read its sums
    } else {
#pragma unroll
        for (int n = 0; n < NTiles; n++) {
#pragma unroll
            for (int i = 0; i < (Gated ? 2 : 4); i++) {
                int r = 8 * n + 2 * quad + i % 2, out = at.firstOut + (Gated ? 8 * warp : 16 * warp + 8 * (i / 2)) + group;
                float y = Gated ? gated(total[n][i], total[n][i % 2 + 2]) : total[n][i];
                if (r < rows && out < outDim) store_y(a, at.which, firstRow + r, out, y);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_many(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<false>, 7, 8, 2, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_rows_nf4_split(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<false>, 4, 4, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_nested_many(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<true>, 7, 8, 2, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_rows_nf4_nested_split(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<true>, 4, 4, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 2) project_rows_bf16_many(const __grid_constant__ ProjectRowsArgs a) {
    project_many<DenseRows<bf16>, 7, 8, 2, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_rows_bf16_split(const __grid_constant__ ProjectRowsArgs a) {
    project_many<DenseRows<bf16>, 4, 4, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_many_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<false>, 7, 8, 2, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_nested_many_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<true>, 7, 8, 2, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 2) project_rows_bf16_many_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_many<DenseRows<bf16>, 7, 8, 2, false, true>(a);
}
