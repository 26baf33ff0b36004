// Kernels _D take head dimensions to D, tiles padded with zeros; 16-byte accesses where headDim % 8 == 0. See attention_forward.cuh.
#include "attention_forward.cuh"

// Head dimension 256 with 128 rows takes 192 KiB; with 64 rows and tiles of 32 keys 96 KiB, which every card from sm_80 on has.
extern "C" __global__ void __launch_bounds__(128) attention_forward_32(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<32, 4, 64>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_64(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<64, 4, 64>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_128(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<128, 4, 64>(a);
}

#if __CUDA_ARCH__ >= 800 // before, a block has less shared memory
extern "C" __global__ void __launch_bounds__(256) attention_forward_256(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<256, 8, 64>(a);
}

extern "C" __global__ void __launch_bounds__(128) attention_forward_256_small(AttentionForwardArgs a) {
    after_previous_kernel();
    attention_forward<256, 4, 32>(a);
}
#endif
