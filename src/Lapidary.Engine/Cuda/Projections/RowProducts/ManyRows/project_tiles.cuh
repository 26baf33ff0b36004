#pragma once
// Products of more rows with weights of type act: as they are in memory, or decoded and kept (ADR 0013). Sums as in project_rows.cuh, with
// the runs of the weight's own type. A block takes 64 rows of a weight and 16 · NTiles rows of x; each of its 4 warps half of both. 128
// columns of them, a stage, come to shared memory while earlier ones are multiplied. Grid: x: groups of rows of x, which so read a weight
// at the same time; y: tiles of rows of the weights, one weight after the other, and with Split their bundles. With Split a block takes
// one bundle, and the last of a tile's blocks adds up all. Dynamic shared memory: the stages.
#include "project_rows.cuh"

constexpr int Threads = 128, TileRows = 64, StageChunks = 16; // chunks: 8 columns of a row, 16 bytes

// A stage of some rows. 8 chunks of a row fill 128 bytes, as cp.async writes them best, so a row has two places. Chunks are interchanged
// so that the lanes that read a piece do not meet in one bank.
template <int Run>
struct Stage {
    static constexpr int Steps = StageChunks * 8 / (4 * Run), Pieces = Run / 8;

    // Of a row, for the t-th run of a step.
    __device__ __forceinline__ static int place(int rows, int row, int t) { return ((Steps == 1 ? t / 2 * rows : 0) + row) * 8; }

    // Behind it, of a piece of that run, in a row whose number ends in these three bits.
    __device__ __forceinline__ static int chunk(int rows, int rowBits, int step, int t, int piece) {
        return Steps == 1 ? (t % 2 * 4 + piece) ^ rowBits ^ (t / 2 * 2) : step * rows * 8 + ((t * 2 + piece) ^ rowBits);
    }

    // Of a chunk by its columns.
    __device__ __forceinline__ static int copied(int rows, int row, int chunk) {
        return (chunk / 8 * rows + row) * 8 + (chunk % 8 ^ row % 8 ^ (Steps == 1 ? chunk / 8 * 2 : 0));
    }
};

// to += x, and x = 0.
template <int MTiles, int NTiles>
__device__ __forceinline__ void move_sum(float (&to)[MTiles][NTiles][4], float (&x)[MTiles][NTiles][4]) {
#pragma unroll
    for (int m = 0; m < MTiles; m++) {
#pragma unroll
        for (int n = 0; n < NTiles; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                to[m][n][i] += x[m][n][i];
                x[m][n][i] = 0;
            }
        }
    }
}

template <int Run, int NTiles, bool Split, bool Gated = false>
__device__ __forceinline__ void project_tiles(const ProjectRowsArgs& a) {
    typedef Stage<Run> S;
    constexpr int MTiles = 2, GroupRows = 16 * NTiles, TileOuts = Gated ? TileRows / 2 : TileRows, RowsAtOnce = Threads / StageChunks;
    constexpr int StageSize = (TileRows + GroupRows) * StageChunks, XOffset = TileRows * StageChunks, Outs = MTiles * NTiles * 4;
    constexpr int BundlesAtOnce = 64 / Outs; // loads under way
    extern __shared__ uint4 shared[];
    int block = Split ? blockIdx.y / a.bundles : blockIdx.y, bundleIndex = Split ? blockIdx.y % a.bundles : 0;
    BlockTile at(a, block, TileOuts);
    int warp = threadIdx.x / WARP, rowWarp = warp / 2, xWarp = warp % 2;
    int lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.x * GroupRows, rows = min(a.rows - firstRow, GroupRows), outs = min(outDim - at.firstOut, TileOuts);
    int bundleSteps = a.bundleParts * a.partSteps, firstStep = bundleIndex * bundleSteps;
    int steps = Split ? min(bundleSteps, a.steps - firstStep) : a.steps, stages = (steps + S::Steps - 1) / S::Steps;

    // A thread copies the same chunk of every 8th row. What lies behind the columns is zero, what lies behind the rows is left as it is:
    // it reaches no result that is stored.
    int copiedRow = threadIdx.x / StageChunks, chunk = threadIdx.x % StageChunks, column = firstStep * 4 * Run + 8 * chunk;
    int weightPlace = S::copied(TileRows, copiedRow, chunk), xPlace = XOffset + S::copied(GroupRows, copiedRow, chunk);
    constexpr int Weights = Gated ? 2 : 1;
    const act* weights[Weights];
#pragma unroll
    for (int i = 0; i < Weights; i++) {
        int which = Gated ? i : at.which;
        weights[i] = (const act*)a.weight[which] + (int64)(at.firstOut + copiedRow) * a.pitch[which] + column;
    }

    const act* x = a.x + (int64)(firstRow + copiedRow) * a.dim + column;
    auto copy_weight = [&](int stage, int slot) {
        if (stage >= stages) return;
        int ahead = 8 * StageChunks * stage;
        bool valid = column + ahead < a.dim;
        ahead = valid ? ahead : -column;
#pragma unroll
        for (int i = 0; i < TileRows / RowsAtOnce; i++) {
            int row = RowsAtOnce * (i / Weights), which = Gated ? i % 2 : at.which;
            if (copiedRow + row >= outs) continue;
            const act* from = weights[i % Weights] + (row * a.pitch[which] + ahead);
            cp_async16_weight(shared + slot * StageSize + weightPlace + i * RowsAtOnce * 8, from, valid);
        }
    };
    auto copy_x = [&](int stage, int slot) {
        if (stage < stages) {
            int ahead = 8 * StageChunks * stage;
            bool valid = column + ahead < a.dim;
            ahead = valid ? ahead : -column;
#pragma unroll
            for (int i = 0; i < GroupRows / RowsAtOnce; i++) {
                if (copiedRow + i * RowsAtOnce >= rows) continue;
                cp_async16(shared + slot * StageSize + xPlace + i * RowsAtOnce * 8, x + (i * RowsAtOnce * a.dim + ahead), valid);
            }
        }

        cp_async_commit();
    };

    for (int s = 0; s < a.stages - 1; s++) copy_weight(s, s);
    after_previous_kernel();
    let_next_kernel_start();
    for (int s = 0; s < a.stages - 1; s++) copy_x(s, s);

    int lanesWeight = S::place(TileRows, 16 * MTiles * rowWarp + group, quad);
    int lanesX = XOffset + S::place(GroupRows, 8 * NTiles * xWarp + group, quad);
    float sum[MTiles][NTiles][4] = {}, bundle[MTiles][NTiles][4] = {}, total[MTiles][NTiles][4] = {};
    bool hasRows = 8 * NTiles * xWarp < rows;
    int stepsLeft = a.partSteps, partsLeft = a.bundleParts; // of the part, of the bundle
    for (int stage = 0, slot = 0; stage < stages; stage++) {
        if (a.stages == 2) cp_async_wait_groups<0>();
        else cp_async_wait_groups<1>();
        __syncthreads(); // this stage is there, and the place of the one before it is free
        int aheadSlot = slot == 0 ? a.stages - 1 : slot - 1;
        copy_weight(stage + a.stages - 1, aheadSlot);
        copy_x(stage + a.stages - 1, aheadSlot);
        const uint4 *ws = shared + slot * StageSize + lanesWeight, *xs = shared + slot * StageSize + lanesX;
        slot = slot == a.stages - 1 ? 0 : slot + 1;
        if (!hasRows) continue;
#pragma unroll
        for (int i = 0; i < S::Steps; i++) {
            int step = S::Steps * stage + i;
            if (step >= steps) continue;
#pragma unroll
            for (int piece = 0; piece < S::Pieces; piece++) {
                uint4 top[MTiles], bottom[MTiles], columns[NTiles];
#pragma unroll
                for (int m = 0; m < MTiles; m++) {
                    int chunk = S::chunk(TileRows, group, i, quad, piece) + 16 * 8 * m;
                    top[m] = ws[chunk], bottom[m] = ws[chunk + 8 * 8];
                }

#pragma unroll
                for (int n = 0; n < NTiles; n++) columns[n] = xs[S::chunk(GroupRows, group, i, quad, piece) + 8 * 8 * n];
#pragma unroll
                for (int j = 0; j < MTiles * NTiles; j++) {
                    int m = j / NTiles, n = j % NTiles;
                    mma(sum[m][n], {top[m].x, bottom[m].x, top[m].y, bottom[m].y}, columns[n].x, columns[n].y);
                }

#pragma unroll
                for (int j = 0; j < MTiles * NTiles; j++) {
                    int m = j / NTiles, n = j % NTiles;
                    mma(sum[m][n], {top[m].z, bottom[m].z, top[m].w, bottom[m].w}, columns[n].z, columns[n].w);
                }
            }

            bool isLast = step + 1 == steps;
            if (--stepsLeft > 0 && !isLast) continue;
            stepsLeft = a.partSteps;
            move_sum(bundle, sum);
            if (Split || (--partsLeft > 0 && !isLast)) continue;
            partsLeft = a.bundleParts;
            move_sum(total, bundle);
        }
    }

    if constexpr (Split) {
        if (a.bundles > 1) {
            __shared__ bool isLastBlock;
            int64 place = (int64)blockIdx.x * (gridDim.y / a.bundles) + block;
            float* partial = a.partial + place * a.bundles * (Outs * Threads) + threadIdx.x;
#pragma unroll
            for (int i = 0; i < Outs; i++) partial[(bundleIndex * Outs + i) * Threads] = bundle[i / 4 / NTiles][i / 4 % NTiles][i % 4];
            __syncthreads();
            if (threadIdx.x == 0) {
                isLastBlock = count_arrival(a.arrivals + place) == (uint32)a.bundles - 1;
                if (isLastBlock) a.arrivals[place] = 0;
            }

            __syncthreads();
            if (!isLastBlock) return;
            for (int first = 0; first < a.bundles; first += BundlesAtOnce) {
                float part[BundlesAtOnce][Outs];
#pragma unroll
                for (int b = 0; b < BundlesAtOnce; b++) {
#pragma unroll
                    for (int i = 0; i < Outs; i++)
                        part[b][i] = first + b < a.bundles ? __ldcg(partial + ((first + b) * Outs + i) * Threads) : 0;
                }

#pragma unroll
                for (int b = 0; b < BundlesAtOnce; b++) {
#pragma unroll
                    for (int i = 0; i < Outs; i++) total[i / 4 / NTiles][i / 4 % NTiles][i % 4] += part[b][i];
                }
            }
        } else move_sum(total, bundle);
    }

#pragma unroll
    for (int j = 0; j < Outs; j++) {
        int m = j / 4 / NTiles, n = j / 4 % NTiles, i = j % 4, tile = MTiles * rowWarp + m;
        if (Gated && i >= 2) continue;
        int row = 8 * (NTiles * xWarp + n) + 2 * quad + i % 2, out = (Gated ? 8 * tile : 16 * tile + 8 * (i / 2)) + group;
        float y = total[m][n][i];
        if constexpr (Gated) y = gated(y, total[m][n][i % 2 + 2]);
        if (row < rows && out < outs) store_y(a, at.which, firstRow + row, at.firstOut + out, y);
    }
}
