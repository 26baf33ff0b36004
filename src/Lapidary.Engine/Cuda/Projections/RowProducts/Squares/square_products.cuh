#pragma once
// Products of a warp of project_squares.cuh.
#include "square_stages.cuh"

// Of 16 rows of a weight, of gated kernels 8 of each, and 128 of x.
template <int Run, bool Gated>
struct SquareProducts {
    typedef Stage<Run> S;
    static constexpr int StepUnits = StageColumns / 32 / S::Steps; // a unit: two products
    static constexpr int Later = (Gated ? HalfRows : 8) * 128;     // bytes from a lane's first row to its second
    uint32 stages, weight; // weight: the lane's chunk of the first unit of the first stage; others differ in bits, or lie a line later

    __device__ __forceinline__ SquareProducts(uint32 stages) : stages(stages) {
        int warp = threadIdx.x / WARP, group = threadIdx.x % WARP / 4, quad = threadIdx.x % 4;
        int line = S::Steps == 1 ? quad / 2 : 0, chunk = S::Steps == 1 ? quad % 2 * 4 : quad * 2;
        int row = (Gated ? 8 : 16) * warp + group + line * SquareShift<Run>;
        weight = stages + SquareWeight + line * SquareLine + row * 128 + (chunk ^ row % 8) * 16;
        asm volatile("" : "+r"(weight)); // not formed anew for each stage
    }

    // sum += a step, or = where not add; under way until warpgroup_wait().
    __device__ __forceinline__ void multiply(float (&sum)[SquareTiles][4], int slot, int step, bool add) const {
        uint64 x = warpgroup_lines(stages + slot * SquareStage);
#pragma unroll
        for (int unit = 0; unit < StepUnits; unit++) {
            constexpr int LineUnits = 2;
            int all = step * StepUnits + unit;
            if (all > 1) warpgroup_wait<1>(); // the registers of the last unit but one are free
            uint32 place = (weight + slot * SquareStage + step * SquareLine) ^ unit * 16;
            uint4 top = load_shared4(place), bottom = load_shared4(place + Later);
            uint32 even[4] = {top.x, bottom.x, top.y, bottom.y}, odd[4] = {top.z, bottom.z, top.w, bottom.w};
            uint32 later = all / LineUnits * SquareLine + all % LineUnits * 64;
            warpgroup_begin();
            warpgroup_multiply(sum, even, later_lines(x, later), add || unit > 0);
            warpgroup_multiply(sum, odd, later_lines(x, later + 32), true);
            warpgroup_group();
        }
    }
};
