// Attention in the 64 KiB of shared memory that a block has before sm_80, the static bytes included: 60 KiB at most. Otherwise as in
// attention.cu, attention_backward_queries.cu and attention_backward_keys.cu, whose kernels of smaller head dimensions fit.
#include "attention_backward_keys.cuh"
#include "attention_backward_queries.cuh"
#include "attention_forward.cuh"

extern "C" __global__ void __launch_bounds__(128) attention_forward_128_lean(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<128, 4, 32>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_256_lean(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<256, 4, 16, 1>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_128_lean(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<128, 4, 16>(a);
}

extern "C" __global__ void __launch_bounds__(64) attention_backward_queries_256_lean(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<256, 2, 16, 1>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_128_lean(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<128, 64, 32, 1>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256_lean(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<256, 32, 16, 1>(a);
}
