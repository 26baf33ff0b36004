#pragma once
// Products of more rows with wide weights, see project_rows.cuh. A warp takes 16 rows of a weight and all rows of x of the block, step by
// step; the warps of a block share the steps' columns of x, which come to shared memory two steps ahead. Grid: x: tiles of rows of the
// weights, one weight after the other; y: groups of rows of x.
// Dynamic shared memory: the weight's tables, Stages steps of x, the sums of the bundles so far, [8 · NTiles / 2, threads] of fp32.
#include "shared_rows.cuh"

constexpr int Stages = 3;

template <typename W, int RowWarps, int NTiles, int Depth, bool Gated = false>
__device__ __forceinline__ void project_many(const ProjectRowsArgs& a) {
    constexpr int TileRows = 16 * RowWarps, TileOuts = Gated ? TileRows / 2 : TileRows, GroupRows = 8 * NTiles, Threads = WARP * RowWarps;
    constexpr int Pieces = W::Run / 8;
    extern __shared__ uint4 shared[];
    typename W::Tables* tables = (typename W::Tables*)shared;
    SharedRows<W, NTiles>* xs = (SharedRows<W, NTiles>*)(tables + 1);
    float* bundles = (float*)(xs + Stages) + threadIdx.x; // each thread its own
    BlockTile at(a, blockIdx.x, TileOuts);
    const W weights[2] = {W(a, Gated ? 0 : at.which, tables), W(a, Gated ? 1 : at.which, tables)}; // of rows group and 8 + group
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.y * GroupRows, rows = min(a.rows - firstRow, GroupRows);
    const act* x = a.x + (int64)firstRow * a.dim;
    typename W::Row row[2];
    typename W::Fetched run[Depth][2];
    auto fetch = [&](int step, typename W::Fetched(&to)[2]) {
        if (step >= a.steps) return;
#pragma unroll
        for (int r = 0; r < 2; r++) weights[r].fetch(row[r], step * 4 * W::Run + quad * W::Run, to[r]);
    };
#pragma unroll
    for (int r = 0; r < 2; r++) row[r] = weights[r].row(min(at.firstOut + (Gated ? 8 * warp : 16 * warp + 8 * r) + group, outDim - 1));
#pragma unroll
    for (int d = 0; d < Depth; d++) fetch(d, run[d]);
    weights[0].prepare(); // the barrier is that of the first step
    after_previous_kernel();
    let_next_kernel_start();
    for (int s = 0; s < Stages - 1; s++) {
        if (s < a.steps) xs[s].template copy<Threads, 5>(x, a.dim, s, rows);
        cp_async_commit();
    }

    float sum[NTiles][4] = {}, bundle[NTiles][4] = {};
#pragma unroll
    for (int i = 0; i < 4 * NTiles; i++) bundles[i * Threads] = 0;
    int stepsLeft = a.partSteps, partsLeft = a.bundleParts; // of the part, of the bundle
    for (int firstStep = 0, slot = 0; firstStep < a.steps; firstStep += Depth) {
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            int step = firstStep + d;
            if (step >= a.steps) continue;
            cp_async_wait_groups<Stages - 2>();
            __syncthreads(); // this step's x is there, and the place of the one before it is free
            int ahead = slot == 0 ? Stages - 1 : slot - 1;
            if (step + Stages - 1 < a.steps) xs[ahead].template copy<Threads, 5>(x, a.dim, step + Stages - 1, rows);
            cp_async_commit();
#pragma unroll
            for (int r = 0; r < 2; r++) weights[r].complete(run[d][r]);
#pragma unroll
            for (int piece = 0; piece < Pieces; piece++) {
                Piece top, bottom;
                weights[0].decode(run[d][0], piece, top);
                weights[1].decode(run[d][1], piece, bottom);
                xs[slot].template multiply<4>(sum, top, bottom, piece, lane);
            }

            fetch(step + Depth, run[d]);
            slot = slot == Stages - 1 ? 0 : slot + 1;
            bool isLast = step + 1 == a.steps;
            if (--stepsLeft > 0 && !isLast) continue;
            stepsLeft = a.partSteps;
#pragma unroll
            for (int n = 0; n < NTiles; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    bundle[n][i] += sum[n][i];
                    sum[n][i] = 0;
                }
            }

            if (--partsLeft > 0 && !isLast) continue;
            partsLeft = a.bundleParts;
#pragma unroll
            for (int n = 0; n < NTiles; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    bundles[(4 * n + i) * Threads] += bundle[n][i];
                    bundle[n][i] = 0;
                }
            }
        }
    }

#pragma unroll
    for (int n = 0; n < NTiles; n++) {
#pragma unroll
        for (int i = 0; i < (Gated ? 2 : 4); i++) {
            int r = 8 * n + 2 * quad + i % 2, out = at.firstOut + (Gated ? 8 * warp : 16 * warp + 8 * (i / 2)) + group;
            float y = bundles[(4 * n + i) * Threads];
            if constexpr (Gated) y = gated(y, bundles[(4 * n + i + 2) * Threads]);
            if (r < rows && out < outDim) store_y(a, at.which, firstRow + r, out, y);
        }
    }
}
