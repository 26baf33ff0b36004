// LoRA's thin product up from its rank to fp32 results that a norm takes, see low_rank_up.cuh. Without masks, which only inputs have.
#include "low_rank_up.cuh"

// Grid: x: 256 columns, y: tokensPerBlock tokens.
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_up_wide(const __grid_constant__ LowRankUpArgs a) {
    after_previous_kernel();
    low_rank_up<float, false, true>(a);
}

// For rows that are no multiple of 8 elements:
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_up_wide_unaligned(const __grid_constant__ LowRankUpArgs a) {
    after_previous_kernel();
    low_rank_up<float, false, false>(a);
}
