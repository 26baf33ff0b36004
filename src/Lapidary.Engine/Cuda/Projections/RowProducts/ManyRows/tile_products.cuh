#pragma once
// The products of a stage, by the warps of project_tiles.cuh: on sm_90 as a warpgroup, elsewhere each for itself, with the same bits.
#include "tile_stages.cuh"

template <int Run, int NTiles>
struct TileProducts {
    typedef Stage<Run> S;
    static constexpr int XOffset = TileRows * StageChunks;
    static constexpr int GroupRows = 8 * NTiles, AtOnce = NTiles > 8 ? 2 : 4; // tiles whose loads are under way
    uint4* stage;
    int warp, group, quad;

    __device__ __forceinline__ TileProducts(uint4* stage, int warp, int lane) : stage(stage), warp(warp), group(lane / 4), quad(lane % 4) {}

    // The lane's words of a piece of row group, or of the row 8 later, of the warp's rows.
    __device__ __forceinline__ uint4 weight(int step, int piece, int later) const {
        return stage[(16 * warp + 8 * later + group) * S::LineChunks + S::place(TileRows, group, step, quad, piece)];
    }

    // sum[16 rows of the weight, GroupRows] += a step, or = where not add; of a warpgroup still under way until warpgroup_end().
    __device__ __forceinline__ void multiply(float (&sum)[NTiles][4], int step, bool add) const {
        if constexpr (HasWarpgroups) {
            uint32 factors[2 * S::Pieces][4];
#pragma unroll
            for (int piece = 0; piece < S::Pieces; piece++) {
                uint4 top = weight(step, piece, 0), bottom = weight(step, piece, 1);
                uint32 *even = factors[2 * piece], *odd = factors[2 * piece + 1];
                even[0] = top.x, even[1] = bottom.x, even[2] = top.y, even[3] = bottom.y;
                odd[0] = top.z, odd[1] = bottom.z, odd[2] = top.w, odd[3] = bottom.w;
            }

            warpgroup_begin();
#pragma unroll
            for (int i = 0; i < 2 * S::Pieces; i++) {
                constexpr int LineProducts = 4, ProductBytes = 16 * sizeof(act);
                int product = step * 2 * S::Pieces + i, line = product / LineProducts;
                uint32 x = shared_address(stage + XOffset + line * GroupRows * S::LineChunks);
                warpgroup_multiply(sum, factors[i], warpgroup_lines(x + product % LineProducts * ProductBytes), add || i > 0);
            }
        } else {
#pragma unroll
            for (int piece = 0; piece < S::Pieces; piece++) {
                uint4 top = weight(step, piece, 0), bottom = weight(step, piece, 1);
                const uint4* x = stage + XOffset + group * S::LineChunks + S::place(GroupRows, group, step, quad, piece);
#pragma unroll
                for (int n = 0; n < NTiles; n += AtOnce) {
                    uint4 columns[AtOnce];
#pragma unroll
                    for (int i = 0; i < AtOnce; i++) columns[i] = x[(n + i) * 8 * S::LineChunks];
#pragma unroll
                    for (int i = 0; i < AtOnce; i++) mma(sum[n + i], {top.x, bottom.x, top.y, bottom.y}, columns[i].x, columns[i].y);
#pragma unroll
                    for (int i = 0; i < AtOnce; i++) mma(sum[n + i], {top.z, bottom.z, top.w, bottom.w}, columns[i].z, columns[i].w);
                }
            }
        }
    }
};
