// Grid: a thread per 4 elements, 256 to a block, in strides of the grid. fp32; factors of the whole step formed in fp64, as torch forms
// them. All tensors fp32 [count], aligned to 16 bytes; the last count % 4 elements are taken one by one.
#include "elements.cuh"

struct AdamWArgs {
    const float* dWeight;
    const float* norm;
    const float* stepScalars;
    float* weight;
    float* m;
    float* v;
    int64 count;
    double beta1, beta2, epsilon, weightDecay;
};

struct Factors {
    float clip, decay, oneMinusBeta1, beta2, oneMinusBeta2, rootC2, epsilon, stepSize;
};

template <int N>
__device__ __forceinline__ void update(const AdamWArgs& a, const Factors& f, int64 i) {
    float g[N], w[N], m[N], v[N];
    load(a.dWeight + i, g);
    load(a.weight + i, w);
    load(a.m + i, m);
    load(a.v + i, v);
    for (int j = 0; j < N; j++) {
        g[j] *= f.clip;
        m[j] += (g[j] - m[j]) * f.oneMinusBeta1;
        v[j] = v[j] * f.beta2 + g[j] * g[j] * f.oneMinusBeta2;
        w[j] = w[j] * f.decay - f.stepSize * m[j] / (sqrtf(v[j]) / f.rootC2 + f.epsilon);
    }

    store(a.weight + i, w);
    store(a.m + i, m);
    store(a.v + i, v);
}

extern "C" __global__ void adamw(AdamWArgs a) {
    after_previous_kernel();
    float norm = a.norm[2];
    if (!(norm * norm < infinity())) return; // AdamWOptions.Takes: NaN too
    double learningRate = a.stepScalars[0], c1 = a.stepScalars[1], c2 = a.stepScalars[2];
    Factors f = {
        a.norm[1], (float)(1 - learningRate * a.weightDecay), (float)(1 - a.beta1), (float)a.beta2, (float)(1 - a.beta2),
        (float)sqrt(c2), (float)a.epsilon, (float)(learningRate / c1),
    };
    int64 thread = thread_index(), threads = thread_count(), whole = a.count & ~3LL;
    for (int64 i = thread * 4; i < whole; i += threads * 4) update<4>(a, f, i);
    if (whole + thread < a.count) update<1>(a, f, whole + thread);
}
