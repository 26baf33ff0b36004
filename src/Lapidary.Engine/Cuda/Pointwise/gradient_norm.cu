// Grid: squares: a block of 256 threads per 16,384 elements of a gradient; result: one block of 1,024. Squares summed in fp64, in a fixed
// order. Gradients fp32, aligned to 16 bytes; the last count % 4 elements are taken one by one.
#include "elements.cuh"

// The sum over a block of whole warps, in its first thread; the order is fixed.
__device__ __forceinline__ double block_sum(double x) {
    __shared__ double partial[WARP];
    for (int round = 0; round < 2; round++) { // over the lanes of each warp, then over the warps
        for (int distance = WARP / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(FULL_MASK, x, distance);
        if (round == 1) break;
        if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = x;
        __syncthreads();
        x = threadIdx.x % WARP < blockDim.x / WARP ? partial[threadIdx.x % WARP] : 0;
    }

    return x;
}

constexpr int BlockLength = 16384;

// Up to 128 gradients, passed by value: no table of pointers has to be kept on the device. Gradient i has blocks firstBlock[i] to
// firstBlock[i + 1].
struct GradientSquaresArgs {
    const float* gradients[128];
    int64 counts[128];
    int firstBlock[129];
    int gradientCount;
    double* sums; // one per block
};

extern "C" __global__ void __launch_bounds__(256) gradient_squares(const __grid_constant__ GradientSquaresArgs a) {
    after_previous_kernel();
    int block = blockIdx.x, low = 0, high = a.gradientCount;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (a.firstBlock[middle] <= block) low = middle;
        else high = middle;
    }

    int64 first = (int64)(block - a.firstBlock[low]) * BlockLength;
    int count = (int)min((int64)BlockLength, a.counts[low] - first), whole = count & ~3;
    const float* gradient = a.gradients[low] + first;
    double sum = 0;
    for (int i = threadIdx.x * 4; i < whole; i += blockDim.x * 4) {
        float x[4];
        load(gradient + i, x);
        for (int j = 0; j < 4; j++) sum += (double)x[j] * x[j];
    }

    if (whole + threadIdx.x < count) sum += (double)gradient[whole + threadIdx.x] * gradient[whole + threadIdx.x];
    sum = block_sum(sum);
    if (threadIdx.x == 0) a.sums[block] = sum;
}

struct GradientNormArgs {
    const double* sums;
    int64 count;
    float maxNorm;
    const float* scale; // null for 1
    float* result;
};

extern "C" __global__ void __launch_bounds__(1024) gradient_norm(GradientNormArgs a) {
    after_previous_kernel();
    double sum = 0;
    for (int64 i = threadIdx.x; i < a.count; i += blockDim.x) sum += a.sums[i];
    sum = block_sum(sum);
    if (threadIdx.x != 0) return;
    float scale = a.scale ? *a.scale : 1, norm = (float)(sqrt(sum) * scale), factor = a.maxNorm / (norm + 1e-6f);
    float clip = a.maxNorm <= 0 || factor > 1 ? 1 : factor; // NaN stays NaN
    a.result[0] = norm;
    a.result[1] = scale * clip;
    a.result[2] = norm * clip;
}
