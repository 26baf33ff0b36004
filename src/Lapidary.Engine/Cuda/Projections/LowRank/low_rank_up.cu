// LoRA's thin product up from its rank to activations, see low_rank_up.cuh.
#include "low_rank_up.cuh"

// Grid: x: 256 columns, y: tokensPerBlock tokens. Without masks:
extern "C" __global__ void __launch_bounds__(256, 3) low_rank_up(const __grid_constant__ LowRankUpArgs a) {
    after_previous_kernel();
    low_rank_up<act, false, true>(a);
}
// With masks:
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_up_masked(const __grid_constant__ LowRankUpArgs a) {
    after_previous_kernel();
    low_rank_up<act, true, true>(a);
}
// For rows that are no multiple of 8 elements:
extern "C" __global__ void __launch_bounds__(256, 2) low_rank_up_unaligned(const __grid_constant__ LowRankUpArgs a) {
    after_previous_kernel();
    low_rank_up<act, true, false>(a);
}
