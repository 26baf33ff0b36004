// Products of up to 128 rows at a time, see project_tiles.cuh: with 128 rows of a weight by two warpgroups, of which a multiprocessor has
// room for one block, else with 64.
#include "project_tiles.cuh"

constexpr int Warps = HasWarpgroups ? 8 : 4, Threads = Warps * WARP, Blocks = HasWarpgroups ? 1 : 2;

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_nf4_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false, false, Warps>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_nf4_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, false, true, Warps>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_nf4_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<32, 16, true, false, Warps>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_dense_128(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false, false, Warps>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_dense_128_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, false, true, Warps>(a);
}

extern "C" __global__ void __launch_bounds__(Threads, Blocks) project_tiles_dense_128_split(const __grid_constant__ ProjectRowsArgs a) {
    project_tiles<16, 16, true, false, Warps>(a);
}
