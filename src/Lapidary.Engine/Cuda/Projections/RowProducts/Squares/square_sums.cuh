#pragma once
// The sums of bundles of project_squares.cuh.
#include "square_stages.cuh"

// Adds up the bundles of a tile's rows of x, 8 at once, in their order, and stores the results.
struct StoreJoined {
    static constexpr int MaxBundles = 8; // of a shape's most parts, see RowTile.cs
    const float4* partial;               // of the thread, of the first bundle
    int bundles, first, end;             // first to end: of the tile's 16 times 8 rows

    template <typename To>
    __device__ __forceinline__ void run(const To& to) const {
#pragma unroll 2
        for (int n = first; n < end; n++) {
            float4 part[MaxBundles];
#pragma unroll
            for (int b = 0; b < MaxBundles; b++) {
                part[b] = make_float4(0, 0, 0, 0);
                if (b < bundles) part[b] = __ldcg(partial + (b * SquareTiles + n) * MultiplyingThreads);
            }

            float total[4] = {};
#pragma unroll
            for (int b = 0; b < MaxBundles; b++) {
                if (b >= bundles) continue;
                total[0] += part[b].x, total[1] += part[b].y, total[2] += part[b].z, total[3] += part[b].w;
            }

            to.store(n, total);
        }
    }
};

// Stores a block's bundle. A tile's blocks that have ended wait some time for the others, and all that see the last arrive share the sums.
// The last one does not wait, so the sums are formed in any case: other work on the device may keep blocks from running at once. By the
// multiplying threads.
__device__ __forceinline__ void join_squares(
    const ProjectSquaresArgs& squares, SquareShared& shared, const BlockTile& at, int bundleIndex, int64 place,
    const float (&bundle)[SquareTiles][4]) {
    const ProjectRowsArgs& a = squares.rows;
    float4* partial = (float4*)a.partial + place * a.bundles * (SquareTiles * MultiplyingThreads) + threadIdx.x;
    store_bundle<MultiplyingThreads>(partial, bundleIndex, bundle);
    uint32 *arrived = a.arrivals + 3 * place, *taken = arrived + 1, *left = arrived + 2;
    int share = (SquareTiles + a.bundles - 1) / a.bundles, firstRow = blockIdx.x * SquareRows;
    sync_threads<MultiplyingThreads>();
    if (threadIdx.x == 0) {
        bool isLast = count_arrival(arrived) == (uint32)a.bundles - 1;
        shared.sees = isLast || (squares.waits && wait_for_arrivals(arrived, a.bundles));
    }

    sync_threads<MultiplyingThreads>();
    while (shared.sees) {
        if (threadIdx.x == 0) shared.first = atomicAdd(taken, 1) * share;
        sync_threads<MultiplyingThreads>();
        int first = shared.first;
        if (first >= SquareTiles) break;
        StoreJoined sums{partial, a.bundles, first, min(first + share, SquareTiles)};
        with_stores<false, SquareRows>(a, at, firstRow, min(a.rows - firstRow, SquareRows), sums);
        sync_threads<MultiplyingThreads>(); // before first changes
    }

    if (threadIdx.x == 0 && atomicAdd(left, 1) == (uint32)a.bundles - 1) *arrived = *taken = *left = 0;
}
