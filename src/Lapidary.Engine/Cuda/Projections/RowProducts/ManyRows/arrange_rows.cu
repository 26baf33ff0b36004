// Rows of x arranged for warpgroups (arranged_rows.cuh), where the kernel that made them has not done so. Grid: x: units of 32 columns of a
// row, 256 to a block; y: rows.
#include "arranged_rows.cuh"

struct ArrangeRowsArgs {
    const act* x; // [rows, dim]
    act* y;       // [rows, units · 32], zero behind the columns
    int dim, units, run;
};

// From the chunks of a unit's lanes to arranged ones.
__device__ __forceinline__ void transpose(uint4 (&x)[4]) {
    uint4 y[4] = {x[0], x[1], x[2], x[3]};
    x[0] = make_uint4(y[0].x, y[1].x, y[2].x, y[3].x);
    x[1] = make_uint4(y[0].y, y[1].y, y[2].y, y[3].y);
    x[2] = make_uint4(y[0].z, y[1].z, y[2].z, y[3].z);
    x[3] = make_uint4(y[0].w, y[1].w, y[2].w, y[3].w);
}

template <int Run>
__device__ __forceinline__ void arrange(const ArrangeRowsArgs& a, int index) {
    constexpr int Pieces = Run / 8;
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
    uint4* to = (uint4*)a.y + (int64)blockIdx.y * a.units * 4 + arranged_word<Run>(first) / 4;
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
