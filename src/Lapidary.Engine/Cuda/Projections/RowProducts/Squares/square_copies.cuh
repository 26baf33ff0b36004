#pragma once
// The thread of project_squares.cuh that copies.
#include "square_stages.cuh"

template <int Run, bool Split, bool Gated>
struct SquareCopies {
    const ProjectSquaresArgs& a;
    SquareShared& shared;
    uint32 stages; // address
    SquareWork<Run, Split> work;
    int place; // of this block in its cluster

    __device__ __forceinline__ SquareCopies(const ProjectSquaresArgs& a, SquareShared& shared, uint32 stages)
        : a(a), shared(shared), stages(stages), work(a.rows),
          place((blockIdx.x & a.clusterX - 1) + (blockIdx.y & a.clusterY - 1)) {}

    // Starts the copies of a stage of the weight; of a pair that shares it, each block copies half for both.
    __device__ __forceinline__ void weight(int tile, int stage, int slot) const {
        BlockTile to(a.rows, tile, Gated ? HalfRows : SquareRows);
        bool shares = a.clusterX > 1;
#pragma unroll 1
        for (int half = shares ? place : 0; half < (shares ? place + 1 : 2); half++) {
            const TensorMap& map = a.weight[Gated ? half : to.which];
            int row = to.firstOut + (Gated ? 0 : half * HalfRows);
#pragma unroll 1
            for (int line = 0; line < 2; line++) {
                uint32 at = SquareWeight + line * SquareLine + (half * HalfRows + line * SquareShift<Run>) * 128;
                copy_box_of_weight(map, column(stage, line), row, stages + slot * SquareStage + at, shared.full + slot, blocks(shares));
            }
        }
    }

    // The same of x.
    __device__ __forceinline__ void x(int stage, int slot) const {
        bool shares = a.clusterY > 1;
#pragma unroll 1
        for (int half = shares ? place : 0; half < (shares ? place + 1 : 2); half++) {
#pragma unroll 1
            for (int line = 0; line < 2; line++) {
                uint32 at = line * SquareLine + half * HalfRows * 128;
                int row = blockIdx.x * SquareRows + half * HalfRows;
                copy_box(a.x, column(stage, line), row, stages + slot * SquareStage + at, shared.full + slot, blocks(shares));
            }
        }
    }

    __device__ __forceinline__ int column(int stage, int line) const {
        return work.firstStep * 4 * Run + stage * StageColumns + line * LineColumns;
    }

    __device__ __forceinline__ uint32 blocks(bool shares) const { return shares ? 3 : 1 << place; }

    // Starts all copies, each as soon as its place is free.
    __device__ __forceinline__ void all() const {
        int slots = a.rows.stages, early = min(slots, work.stages); // early: stages whose weights come before the wait
        for (int stage = 0; stage < early; stage++) {
            barrier_expect(shared.full + stage, SquareBytes);
            weight(work.first, stage, stage);
        }

        after_previous_kernel();
        SquareTurn turn;
        int count = 0;
        for (int tile = work.first; tile < work.end; tile += gridDim.y) {
            for (int stage = 0; stage < work.stages; stage++) {
                if (count >= early) {
                    if (count >= slots) barrier_wait(shared.free + turn.slot(), turn.parity() ^ 1);
                    barrier_expect(shared.full + turn.slot(), SquareBytes);
                    weight(tile, stage, turn.slot());
                }

                x(stage, turn.slot());
                count++;
                turn.next(slots);
            }
        }
    }
};
