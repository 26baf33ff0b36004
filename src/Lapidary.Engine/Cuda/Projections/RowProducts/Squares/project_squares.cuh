#pragma once
// project_tiles.cuh for more than 64 rows where there are warpgroups, with the same bits: tiles of 128 rows of a weight and 128 of x. A
// thread of its own copies boxes of both as soon as there is room for a stage. Two warpgroups multiply, each 64 rows of the weight, and
// need not keep step. Two blocks may be a cluster: neighbours in x have the same rows of a weight, neighbours in y the same rows of x, and
// each copies half of these for both. Grid: x: groups of rows of x; y: tiles of rows of the weights, which a block takes in strides of the
// grid; with Split all tiles of the first bundle, then of the next, and a block takes one. Dynamic shared memory: stages, then
// SquareShared.
#include "square_copies.cuh"
#include "square_largest.cuh"
#include "square_products.cuh"
#include "square_sums.cuh"

// The address of the first barrier that counts when stages are free, in the block of the cluster with this number; 0 if there is none.
__device__ __forceinline__ uint32 free_in_block(const ProjectSquaresArgs& a, SquareShared& shared, int block) {
    return block < a.clusterX * a.clusterY ? address_in_block(shared.free, block) : 0;
}

// Multiplies what comes, and stores the results, by one of the multiplying warps.
template <int Run, bool Split, bool Gated>
__device__ __forceinline__ void multiply_squares(const ProjectSquaresArgs& squares, SquareShared& shared, uint32 stages) {
    constexpr int StageSteps = Stage<Run>::Steps, TileOuts = Gated ? HalfRows : SquareRows;
    const ProjectRowsArgs& a = squares.rows;
    SquareWork<Run, Split> work(a);
    SquareProducts<Run, Gated> products(stages);
    uint32 full = shared_address(shared.full), free = free_in_block(squares, shared, threadIdx.x % WARP);
    SquareTurn turn;
    float sum[SquareTiles][4] = {};
    for (int tile = work.first; tile < work.end; tile += gridDim.y) {
        float bundle[SquareTiles][4] = {}, total[SquareTiles][4] = {};
        int stepsLeft = work.steps, ofPart = a.partSteps, ofBundle = a.bundleParts; // left of the part, parts left of the bundle
        for (; stepsLeft > 0; turn.next(a.stages)) {
            barrier_wait(full + turn.slot() * sizeof(CopyBarrier), turn.parity());
#pragma unroll
            for (int i = 0; i < StageSteps; i++) {
                bool isThere = i == 0 || stepsLeft > 0;
                if (isThere) products.multiply(sum, turn.slot(), i, ofPart < a.partSteps);
                bool isLast = isThere && --stepsLeft == 0, partEnds = isThere && (--ofPart == 0 || isLast);
                if (partEnds || i == StageSteps - 1) warpgroup_wait<0>();
                if (i == StageSteps - 1 && free != 0) barrier_arrive(free + turn.slot() * sizeof(CopyBarrier));
                if (!partEnds) continue;
                ofPart = a.partSteps;
                move_sum<false>(bundle, sum);
                if (Split || (--ofBundle > 0 && !isLast)) continue;
                ofBundle = a.bundleParts;
                move_sum(total, bundle);
            }
        }

        BlockTile to(a, tile, TileOuts);
        int firstRow = blockIdx.x * SquareRows;
        if constexpr (Split) join_squares(squares, shared, to, work.bundle, (int64)blockIdx.x * work.tiles + tile, bundle);
        else store_tile<SquareTiles, Gated, TileOuts>(a, to, total, firstRow, min(a.rows - firstRow, SquareRows));
        if constexpr (!Split && !Gated) {
            if (a.largest) store_largest(a, to.firstOut, total);
        }
    }
}

template <int Run, bool Split, bool Gated>
__device__ __forceinline__ void project_squares(const ProjectSquaresArgs& a) {
    extern __shared__ __align__(1024) uint4 dynamic[];
    if constexpr (HasWarpgroups) {
        uint32 stages = shared_address(dynamic);
        SquareShared& shared = *(SquareShared*)((char*)dynamic + a.rows.stages * SquareStage);
        if (threadIdx.x == 0) {
            for (int slot = 0; slot < a.rows.stages; slot++) {
                barrier_init(shared.full + slot, 1);
                barrier_init(shared.free + slot, a.clusterX * a.clusterY * (MultiplyingThreads / WARP));
            }

            show_barriers();
        }

        __syncthreads();
        cluster_arrive_relaxed();
        cluster_wait();
        if (threadIdx.x >= MultiplyingThreads) {
            give_registers<24>();
            if (threadIdx.x == MultiplyingThreads) SquareCopies<Run, Split, Gated>(a, shared, stages).all();
        } else {
            take_registers<240>();
            after_previous_kernel();
            let_next_kernel_start();
            multiply_squares<Run, Split, Gated>(a, shared, stages);
        }

        __syncwarp();
        cluster_arrive_relaxed(); // no block ends while others count in its shared memory
        cluster_wait();
    } else after_previous_kernel();
}
