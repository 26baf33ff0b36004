#pragma once
// Products of more rows with weights of type act: as they are in memory, or decoded and kept (ADR 0013). Sums as in project_rows.cuh, with
// the runs of the weight's own type. A block of 4 warps takes 64 rows of a weight and 8 · NTiles rows of x, which are arranged where there
// are warpgroups (arranged_rows.cuh). 128 columns of them, a stage, come to shared memory while earlier ones are multiplied. Grid: x:
// groups of rows of x, which so read a weight at the same time; y: tiles of rows of the weights, one weight after the other, and with Split
// their bundles. With Split a block takes one bundle, and the last of a tile's blocks adds up all. Dynamic shared memory: the stages, and
// 16 bytes.
#include "tile_products.cuh"
#include "tile_sums.cuh"

template <int Run, int NTiles, bool Split, bool Gated = false>
__device__ __forceinline__ void project_tiles(const ProjectRowsArgs& a) {
    typedef TileStages<Run, NTiles, Gated> Stages;
    typedef TileProducts<Run, NTiles> Products;
    constexpr int StageSteps = Stage<Run>::Steps;
    extern __shared__ __align__(1024) uint4 shared[];
    int block = Split ? blockIdx.y / a.bundles : blockIdx.y, bundleIndex = Split ? blockIdx.y % a.bundles : 0;
    BlockTile at(a, block, Stages::TileOuts);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int firstRow = blockIdx.x * Stages::GroupRows, bundleSteps = a.bundleParts * a.partSteps, firstStep = bundleIndex * bundleSteps;
    int steps = Split ? min(bundleSteps, a.steps - firstStep) : a.steps, stages = (steps + StageSteps - 1) / StageSteps;
    Stages copies(a, at, shared, firstRow, firstStep * 4 * Run, stages);
    for (int s = 0; s < a.stages - 1; s++) copies.copy_weight(s, s);
    after_previous_kernel();
    let_next_kernel_start();
    for (int s = 0; s < a.stages - 1; s++) copies.copy_x(s, s);

    float sum[NTiles][4] = {}, bundle[NTiles][4] = {}, total[NTiles][4] = {};
    int stepsLeft = a.partSteps, partsLeft = a.bundleParts; // of the part, of the bundle
    auto wait_for_stage = [&]() {
        if (a.stages == 2) cp_async_wait_groups<0>();
        else cp_async_wait_groups<1>();
        if constexpr (HasWarpgroups) show_to_warpgroups();
        __syncthreads(); // the stage is there, and the place of the one before it is free
    };
    wait_for_stage();
    for (int stage = 0, slot = 0; stage < stages; stage++) {
        int ahead = stage + a.stages - 1, aheadSlot = slot == 0 ? a.stages - 1 : slot - 1;
        Products products(shared + slot * Stages::Size, warp, lane);
        slot = slot == a.stages - 1 ? 0 : slot + 1;
#pragma unroll
        for (int i = 0; i < StageSteps; i++) {
            int step = StageSteps * stage + i;
            if (!HasWarpgroups && i == 0) copies.copy(ahead, aheadSlot);
            if (step < steps) products.multiply(sum, i, stepsLeft < a.partSteps);
            if (HasWarpgroups && i == StageSteps - 1) copies.copy(ahead, aheadSlot); // while products are under way
            if (step >= steps) continue;
            warpgroup_end();
            bool isLast = step + 1 == steps;
            if (--stepsLeft > 0 && !isLast) continue;
            stepsLeft = a.partSteps;
            move_sum<!HasWarpgroups>(bundle, sum);
            if (Split || (--partsLeft > 0 && !isLast)) continue;
            partsLeft = a.bundleParts;
            move_sum(total, bundle);
        }

        wait_for_stage();
    }

    if constexpr (Split) {
        if (a.bundles == 1) move_sum(total, bundle);
        else {
            bool& isLast = *(bool*)(shared + a.stages * Stages::Size);
            int64 place = (int64)blockIdx.x * (gridDim.y / a.bundles) + block;
            if (!join_bundles<NTiles, Stages::Threads>(a, bundleIndex, place, isLast, bundle, total)) return;
        }
    }

    store_tile<NTiles, Gated, Stages::TileOuts>(a, at, total, firstRow, copies.rows);
}
