// Products of more than 64 rows where there are warpgroups, see project_squares.cuh. Elsewhere these kernels do nothing, and are not
// launched.
#include "project_squares.cuh"

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_nf4(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<32, false, false>(a);
}

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_nf4_gated(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<32, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_nf4_split(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<32, true, false>(a);
}

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_dense(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<16, false, false>(a);
}

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_dense_gated(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<16, false, true>(a);
}

extern "C" __global__ void __launch_bounds__(SquareThreads, 1) project_squares_dense_split(const __grid_constant__ ProjectSquaresArgs a) {
    project_squares<16, true, false>(a);
}
