// Rows of x with their columns in the order in which warpgroups multiply them, once for all tiles of a weight (tile_stages.cuh). Grid: x:
// units of 32 columns of a row, 256 to a block; y: rows.
#include "tile_stages.cuh"

struct ArrangeRowsArgs {
    const act* x; // [rows, dim]
    act* y;       // [rows, units · 32], zero behind the columns
    int dim, units, run;
};

template <int Run>
__device__ __forceinline__ void arrange(const ArrangeRowsArgs& a, int index) {
    constexpr int Pieces = Stage<Run>::Pieces;
    int unit = index % 4, first = index / 4 * 128 + unit / Pieces * 4 * Run + unit % Pieces * 8;
    const act* from = a.x + (int64)blockIdx.y * a.dim;
    uint4 x[4];
#pragma unroll
    for (int t = 0; t < 4; t++) {
        int column = first + t * Run;
        x[t] = make_uint4(0, 0, 0, 0);
        if (column < a.dim) x[t] = *(const uint4*)(from + column);
    }

    transpose(x);
    uint4* to = (uint4*)a.y + ((int64)blockIdx.y * a.units + index) * 4;
#pragma unroll
    for (int i = 0; i < 4; i++) to[i] = x[i];
}

extern "C" __global__ void __launch_bounds__(256) arrange_rows(ArrangeRowsArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= a.units) return;
    if (a.run == 32) arrange<32>(a, index);
    else arrange<16>(a, index);
}
