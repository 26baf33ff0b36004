// Products of up to 32 rows at a time, see project_tiles.cuh.
#include "project_tiles.cuh"

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_nf4_32(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 4, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_nf4_32_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 4, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_nf4_32_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 4, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_dense_32(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 4, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_dense_32_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 4, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) project_tiles_dense_32_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 4, true>(a);
}
