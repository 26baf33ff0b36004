// Products of up to 128 rows at a time, see project_tiles.cuh. Where there are warpgroups, x is arranged (arrange_rows.cu).
#include "project_tiles.cuh"

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_nf4_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false, false, HasWarpgroups>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_nf4_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false, true, HasWarpgroups>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_nf4_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, true, false, HasWarpgroups>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_dense_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false, false, HasWarpgroups>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_dense_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false, true, HasWarpgroups>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, 2) project_tiles_dense_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, true, false, HasWarpgroups>(a);
}
