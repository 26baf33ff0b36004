#pragma once
// What the blocks of project_squares.cuh have in shared memory, and what they do.
#include "tensor_copies.cuh"
#include "tile_stages.cuh"
#include "tile_sums.cuh"

struct alignas(64) ProjectSquaresArgs {
    TensorMap weight[3]; // boxes of 64 rows, as of x
    TensorMap x;         // arranged
    ProjectRowsArgs rows;
    int clusterX, clusterY; // blocks of a cluster: 1, or 2 in one direction
    int waits;              // whether all blocks run at once, so that blocks that have ended may wait for others
};

static_assert(sizeof(ProjectSquaresArgs) == 832, "as the host has it");

constexpr int SquareRows = 128, HalfRows = SquareRows / 2, LineColumns = 64;
constexpr int SquareTiles = SquareRows / 8; // 8 rows of x each
constexpr int SquareThreads = 384, MultiplyingThreads = 256, MaxSquareStages = 3;

// Bytes of a stage: 128 columns of x and, behind them, of the weight, in lines of 64. Copies interchange the 8 chunks of a line by its
// address. Where lanes read chunks of both lines at once, the weight's second lines begin 2 rows later, so that they do not meet in a bank.
constexpr uint32 SquareLine = SquareRows * 128, SquareWeight = 2 * SquareLine;
constexpr uint32 SquareBytes = 4 * SquareLine, SquareStage = SquareBytes + 1024;

template <int Run>
constexpr int SquareShift = Stage<Run>::Steps == 1 ? 2 : 0;

// Behind the stages.
struct SquareShared {
    CopyBarrier full[MaxSquareStages], free[MaxSquareStages];
    int sees, first; // whether this block sees that all of a tile's blocks have arrived; of the rows that it adds up
};

// Goes through the places of stages in turn. One word, as registers are full.
struct SquareTurn {
    int bits = 0;

    __device__ __forceinline__ int slot() const { return bits & 3; }

    __device__ __forceinline__ int parity() const { return bits >> 2; }

    __device__ __forceinline__ void next(int slots) {
        bits++;
        if (slot() == slots) bits = bits & 4 ^ 4;
    }
};

// A block's tiles, in strides of the grid, and its steps and stages of each; with Split a bundle of one tile.
template <int Run, bool Split>
struct SquareWork {
    int bundle, tiles, first, end, firstStep, steps, stages;

    __device__ __forceinline__ SquareWork(const ProjectRowsArgs& a) : tiles(a.tileEnd[2]) {
        bundle = Split ? blockIdx.y / tiles : 0;
        first = blockIdx.y - bundle * tiles;
        end = Split ? first + 1 : tiles;
        firstStep = bundle * a.bundleParts * a.partSteps;
        steps = Split ? min(a.bundleParts * a.partSteps, a.steps - firstStep) : a.steps;
        stages = (steps + Stage<Run>::Steps - 1) / Stage<Run>::Steps;
    }
};
