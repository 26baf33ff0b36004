// Grid: a thread per 8 elements, 256 to a block, in strides of the grid. fp32 inside.
// All tensors act [count], aligned to 16 bytes; the last count % 8 elements are taken one by one.
#include "arranged_rows.cuh"
#include "elements.cuh"
#include "gelu.cuh"

struct GeGluForwardArgs {
    const act* gate;
    const act* up;
    act* y;
    int64 count;
    ArrangedCopy copy; // of y
};

template <int N>
__device__ __forceinline__ void forward(const GeGluForwardArgs& a, int64 i) {
    float gate[N], up[N], slope;
    load(a.gate + i, gate);
    load(a.up + i, up);
    for (int j = 0; j < N; j++) up[j] *= gate[j] * gelu_sigmoid(gate[j], slope);
    store(a.y + i, up);
    if constexpr (N == 8) {
        if (a.copy.words) a.copy.store(i, up);
    }
}

extern "C" __global__ void geglu_forward(GeGluForwardArgs a) {
    after_previous_kernel();
    int64 thread = thread_index(), threads = thread_count(), whole = a.count & ~7LL;
    for (int64 i = thread * 8; i < whole; i += threads * 8) forward<8>(a, i);
    if (whole + thread < a.count) forward<1>(a, whole + thread);
}

struct GeGluBackwardArgs {
    const act* dy;
    const act* gate;
    const act* up;
    act* dGate;
    act* dUp;
    int64 count;
};

template <int N>
__device__ __forceinline__ void backward(const GeGluBackwardArgs& a, int64 i) {
    float dy[N], gate[N], up[N];
    load(a.dy + i, dy);
    load(a.gate + i, gate);
    load(a.up + i, up);
    for (int j = 0; j < N; j++) {
        float slope, s = gelu_sigmoid(gate[j], slope), g = gate[j];
        gate[j] = dy[j] * up[j] * (g * slope + s);
        up[j] = dy[j] * g * s;
    }

    store(a.dGate + i, gate);
    store(a.dUp + i, up);
}

extern "C" __global__ void geglu_backward(GeGluBackwardArgs a) {
    after_previous_kernel();
    int64 thread = thread_index(), threads = thread_count(), whole = a.count & ~7LL;
    for (int64 i = thread * 8; i < whole; i += threads * 8) backward<8>(a, i);
    if (whole + thread < a.count) backward<1>(a, whole + thread);
}
