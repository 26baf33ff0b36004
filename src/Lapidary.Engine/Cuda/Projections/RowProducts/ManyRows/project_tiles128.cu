// Products of up to 128 rows at a time, see project_tiles.cuh, where there are no warpgroups: these have project_squares.cuh.
#include "project_tiles.cuh"

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_nf4_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_nf4_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_nf4_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_dense_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_dense_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 2) project_tiles_dense_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, true>(a);
}
