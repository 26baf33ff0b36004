// Kernels _D take head dimensions to D, tiles padded with zeros; 16-byte accesses where headDim % 8 == 0; shared memory as the head of
// attention_backward_queries.cuh says.
#include "attention_backward_queries.cuh"

// Head dimension 256 takes 192 KiB; the small kernel takes at most 96 KiB, which every card from sm_80 on has.
extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_32(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<32, 4, 64>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_64(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<64, 4, 64>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_128(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<128, 4, 64>(a);
}

#if __CUDA_ARCH__ >= 800 // before, a block has less shared memory
extern "C" __global__ void __launch_bounds__(256) attention_backward_queries_256(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<256, 8, 32>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_backward_queries_256_small(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_queries<256, 4, 16>(a);
}
#endif
