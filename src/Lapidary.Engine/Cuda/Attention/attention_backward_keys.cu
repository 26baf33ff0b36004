// Kernels _D take head dimensions to D, tiles padded with zeros; 16-byte accesses where headDim % 8 == 0; shared memory as the head of
// attention_backward_keys.cuh says. Join: a thread per element.
#include "attention_backward_keys.cuh"

// Sums the splits in order.
extern "C" __global__ void attention_backward_join(AttentionBackwardArgs a) {
    after_previous_kernel();
    int64 count = (int64)a.visibility.tokens * a.kvHeads * a.headDim;
    for (int64 i = thread_index(); i < 2 * count; i += thread_count()) {
        float sum = 0;
        for (int split = 0; split < a.splits; split++) sum += a.partials[split * 2 * count + i];
        if (i < count) a.dk[i] = to_act(sum * a.scale);
        else a.dv[i - count] = to_act(sum);
    }
}

// Head dimension 256 takes 212 KiB; the small kernel takes at most 96 KiB, which every card from sm_80 on has.
extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_32(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<32, 64, 32, 2>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_64(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<64, 64, 32, 2>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_128(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<128, 64, 32, 2>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<256, 64, 64, 2>(a);
}

extern "C" __global__ void __launch_bounds__(256) attention_backward_keys_256_small(AttentionBackwardArgs a) {
    after_previous_kernel();
    attention_backward_keys<256, 32, 32, 1>(a);
}
