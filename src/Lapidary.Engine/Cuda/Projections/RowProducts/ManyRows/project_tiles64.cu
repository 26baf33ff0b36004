// Products of up to 64 rows at a time, see project_tiles.cuh.
#include "project_tiles.cuh"

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_nf4_64(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 8, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_nf4_64_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 8, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_nf4_64_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 8, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_dense_64(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 8, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_dense_64_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 8, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) project_tiles_dense_64_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 8, true>(a);
}
