// Products of up to 32 rows at a time, see project_rows_many.cuh.
#include "project_rows_many.cuh"

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_many32(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<false>, 7, 4, 2>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_many32_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<false>, 7, 4, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_nested_many32(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<true>, 7, 4, 2>(a);
}

extern "C" __global__ void __launch_bounds__(224, 1) project_rows_nf4_nested_many32_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_many<Nf4Rows<true>, 7, 4, 2, true>(a);
}
