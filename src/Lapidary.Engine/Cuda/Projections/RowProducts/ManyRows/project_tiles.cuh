#pragma once
// Products of more rows with weights of type act: as they are in memory, or decoded and kept (ADR 0013). Sums as in project_rows.cuh, with
// the runs of the weight's own type. A block of 4 warps takes 64 rows of a weight, one of 8 warps 128, and both 8 · NTiles rows of x, which
// are arranged where there are warpgroups (arranged_rows.cuh). 128 columns of them, a stage, come to shared memory while earlier ones are
// multiplied. Grid: x: groups of rows of x, which so read a weight at the same time; y: tiles of rows of the weights, one weight after the
// other, and with Split their bundles. With Split a block takes one bundle, and the last of a tile's blocks adds up all. Dynamic shared
// memory: the stages, and 16 bytes.
#include "tile_products.cuh"

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

// Stores a block's bundle. In the last of a tile's blocks, total becomes the sum of all bundles, in their order; false in the others.
template <int NTiles, int Threads>
__device__ __forceinline__ bool join_bundles(
    const ProjectRowsArgs& a, int bundleIndex, int block, bool& isLast, const float (&bundle)[NTiles][4], float (&total)[NTiles][4]) {
    constexpr int Outs = NTiles * 4, AtOnce = 64 / Outs; // bundles whose loads are under way
    int64 place = (int64)blockIdx.x * (gridDim.y / a.bundles) + block;
    float* partial = a.partial + place * a.bundles * (Outs * Threads) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < Outs; i++) partial[(bundleIndex * Outs + i) * Threads] = bundle[i / 4][i % 4];
    if (!is_last_block(a.arrivals + place, a.bundles, isLast)) return false;
    for (int first = 0; first < a.bundles; first += AtOnce) {
        float part[AtOnce][Outs];
#pragma unroll
        for (int b = 0; b < AtOnce; b++) {
#pragma unroll
            for (int i = 0; i < Outs; i++) part[b][i] = first + b < a.bundles ? __ldcg(partial + ((first + b) * Outs + i) * Threads) : 0;
        }

#pragma unroll
        for (int b = 0; b < AtOnce; b++) {
#pragma unroll
            for (int i = 0; i < Outs; i++) total[i / 4][i % 4] += part[b][i];
        }
    }

    return true;
}

// Stores results of a gated kernel arranged, which are the first two of each tile. Two lanes have neighbours in two rows, and store a pair
// each.
template <int NTiles>
__device__ __forceinline__ void copy_gated(const ProjectRowsArgs& a, const float (&y)[NTiles][4], int rows, int firstRow, int out) {
    bool odd = out % 2 != 0;
#pragma unroll
    for (int n = 0; n < NTiles; n++) {
        int row = 8 * n + threadIdx.x % 4 * 2 + odd;
        float other = __shfl_xor_sync(FULL_MASK, odd ? y[n][0] : y[n][1], 4);
        uint32 pair = odd ? pack(other, y[n][1]) : pack(y[n][0], other);
        if (row < rows) a.copy.store((int64)(firstRow + row) * a.outDim[0] + out - odd, pair);
    }
}

template <int Run, int NTiles, bool Split, bool Gated = false, int Warps = 4>
__device__ __forceinline__ void project_tiles(const ProjectRowsArgs& a) {
    typedef TileStages<Run, NTiles, Gated, Warps> Stages;
    typedef TileProducts<Run, NTiles, Warps> Products;
    constexpr int StageSteps = Stage<Run>::Steps;
    extern __shared__ __align__(1024) uint4 shared[];
    int block = Split ? blockIdx.y / a.bundles : blockIdx.y, bundleIndex = Split ? blockIdx.y % a.bundles : 0;
    BlockTile at(a, block, Stages::TileOuts);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4;
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
            if (!join_bundles<NTiles, Stages::Threads>(a, bundleIndex, block, isLast, bundle, total)) return;
        }
    }

#pragma unroll
    for (int n = 0; n < NTiles; n++) {
        if constexpr (Gated) {
#pragma unroll
            for (int i = 0; i < 2; i++) total[n][i] = gated(total[n][i], total[n][i + 2]);
        }

#pragma unroll
        for (int i = 0; i < (Gated ? 2 : 4); i++) {
            int row = 8 * n + 2 * quad + i % 2, out = (Gated ? 8 * warp : 16 * warp + 8 * (i / 2)) + group;
            if (row < copies.rows && out < copies.outs) store_y(a, at.which, firstRow + row, at.firstOut + out, total[n][i]);
        }
    }

    if constexpr (Gated && HasWarpgroups) {
        if (a.copy.words) copy_gated(a, total, copies.rows, firstRow, at.firstOut + 8 * warp + group);
    }
}
