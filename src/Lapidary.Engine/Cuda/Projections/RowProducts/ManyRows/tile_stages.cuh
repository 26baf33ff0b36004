#pragma once
// What the blocks of project_tiles.cuh have in shared memory: stages of 128 columns, of rows of a weight and of x.
#include "project_rows.cuh"
#include "warpgroup.cuh"

constexpr int StageChunks = 16, StageColumns = 8 * StageChunks; // chunks: 8 columns of a row, 16 bytes
constexpr int TileWarps = 4, TileRows = 16 * TileWarps;          // of a weight, in a block of project_tiles.cuh

// A row of a stage has two lines of 128 bytes, as cp.async writes them best; the first lines of all rows come before the second. A piece is
// the chunks that the lanes of a quad have of a row, for two products.
template <int Run>
struct Stage {
    static constexpr int Steps = StageChunks * 8 / (4 * Run), Pieces = Run / 8, LineChunks = 8;

    // Of the chunk of lane t of a quad, in a row whose number ends in these three bits. Chunks are interchanged so that the lanes that read
    // a piece do not meet in one bank.
    __device__ __forceinline__ static int place(int rows, int rowBits, int step, int t, int piece) {
        if constexpr (Steps == 1) return t / 2 * rows * LineChunks + ((t % 2 * 4 + piece) ^ rowBits ^ (t / 2 * 2));
        else return step * rows * LineChunks + ((t * 2 + piece) ^ rowBits);
    }

    // Of a chunk by its columns.
    __device__ __forceinline__ static int copied(int rows, int row, int chunk) {
        return (chunk / LineChunks * rows + row) * LineChunks + (chunk % LineChunks ^ row % 8 ^ (Steps == 1 ? chunk / LineChunks * 2 : 0));
    }

    // The same of a chunk of arranged columns (arranged_rows.cuh), where products of warpgroups expect it.
    __device__ __forceinline__ static int arranged(int rows, int row, int chunk) {
        return (chunk / LineChunks * rows + row) * LineChunks + (chunk % LineChunks ^ row % 8);
    }
};

// Copies of a block's rows of a weight and, behind them, of x. A thread copies the same chunk of some rows. What lies behind the columns is
// zero, what lies behind the rows is left as it is: it reaches no result that is stored. Gated: 8 rows of gate and 8 of up in turn.
// Where there are warpgroups, x is arranged.
template <int Run, int NTiles, bool Gated>
struct TileStages {
    static constexpr int Threads = TileWarps * WARP, XOffset = TileRows * StageChunks;
    static constexpr int GroupRows = 8 * NTiles, TileOuts = Gated ? TileRows / 2 : TileRows;
    static constexpr int Size = XOffset + GroupRows * StageChunks, RowsAtOnce = Threads / StageChunks;
    static constexpr int Weights = Gated ? 2 : 1; // of a thread
    const act *weights[Weights], *x;
    uint4 *weightPlace, *xPlace;
    int pitch[Weights], dim, xDim, column, stages; // xDim: with what follows an arranged row's columns
    int outs, rows, copiedRow; // of the block; the thread's first

    __device__ __forceinline__ TileStages(
        const ProjectRowsArgs& a, const BlockTile& at, uint4* shared, int firstRow, int firstColumn, int stages)
        : dim(a.dim), xDim(HasWarpgroups ? (a.dim + StageColumns - 1) / StageColumns * StageColumns : a.dim), stages(stages) {
        int chunk = threadIdx.x % StageChunks;
        column = firstColumn + 8 * chunk;
        copiedRow = threadIdx.x / StageChunks;
        outs = min(a.outDim[at.which] - at.firstOut, TileOuts), rows = min(a.rows - firstRow, GroupRows);
#pragma unroll
        for (int i = 0; i < Weights; i++) {
            int which = Gated ? i : at.which;
            pitch[i] = a.pitch[which];
            weights[i] = (const act*)a.weight[which] + (int64)(at.firstOut + copiedRow) * pitch[i] + column;
        }

        x = a.x + (int64)(firstRow + copiedRow) * xDim + column;
        weightPlace = shared + Stage<Run>::copied(TileRows, copiedRow, chunk);
        xPlace = shared + XOffset
            + (HasWarpgroups ? Stage<Run>::arranged(GroupRows, copiedRow, chunk) : Stage<Run>::copied(GroupRows, copiedRow, chunk));
    }

    // Starts the copies of a stage to a slot; none where there is no such stage.
    __device__ __forceinline__ void copy_weight(int stage, int slot) const {
        if (stage >= stages) return;
        int ahead = StageColumns * stage;
        if (HasWarpgroups && outs == TileOuts && dim % StageColumns == 0) { // quick: registers are full
            uint4* to = weightPlace + slot * Size;
#pragma unroll
            for (int i = 0; i < TileRows / RowsAtOnce; i++) {
                const act* from = weights[i % Weights] + ahead + RowsAtOnce * (i / Weights) * pitch[i % Weights];
                cp_async16_weight(to + i * RowsAtOnce * 8, from, true);
            }

            return;
        }

        bool valid = column + ahead < dim;
        ahead = valid ? ahead : -column;
#pragma unroll
        for (int i = 0; i < TileRows / RowsAtOnce; i++) {
            int row = RowsAtOnce * (i / Weights);
            if (copiedRow + row >= outs) continue;
            const act* from = weights[i % Weights] + (row * pitch[i % Weights] + ahead);
            cp_async16_weight(weightPlace + slot * Size + i * RowsAtOnce * 8, from, valid);
        }
    }

    // The same of x, and the end of the stage's copies.
    __device__ __forceinline__ void copy_x(int stage, int slot) const {
        if (stage < stages) {
            int ahead = StageColumns * stage;
            if (HasWarpgroups && rows == GroupRows) {
                uint4* to = xPlace + slot * Size;
#pragma unroll
                for (int i = 0; i < GroupRows / RowsAtOnce; i++)
                    cp_async16(to + i * RowsAtOnce * 8, x + ahead + i * RowsAtOnce * xDim, true);
                cp_async_commit();
                return;
            }

            bool valid = HasWarpgroups || column + ahead < dim; // arranged rows have whole stages
            ahead = valid ? ahead : -column;
#pragma unroll
            for (int i = 0; i < GroupRows / RowsAtOnce; i++) {
                if (copiedRow + i * RowsAtOnce >= rows) continue;
                cp_async16(xPlace + slot * Size + i * RowsAtOnce * 8, x + (i * RowsAtOnce * xDim + ahead), valid);
            }
        }

        cp_async_commit();
    }

    __device__ __forceinline__ void copy(int stage, int slot) const {
        copy_weight(stage, slot);
        copy_x(stage, slot);
    }
};
