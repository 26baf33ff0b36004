// Loss, hit and gradient of rows of logits: losses and hits, and where asked (softmax − onehot) · scale in place: of type act, in the first
// half of each fp32 row. Rows behind the last that has a label get a gradient of zeros. fp32, sums in a fixed order.
#include "cluster.cuh"
#include "elements.cuh"

struct SoftmaxRowsArgs {
    float* z;  // [chunk, vocabulary]
    const int* labels;
    const int* rows;
    const int* rows_count;
    const float* loss_scale;  // [1]
    float* losses;            // [tokens]
    float* hits;              // [tokens]
    int first;
    int vocabulary;
    int gradient;
};

// A label outside the vocabulary cannot stop a step that the host does not wait for: it shows as a loss that is not a number.
__device__ __forceinline__ void write_loss(const SoftmaxRowsArgs& args, int token, bool valid, float target, float largest, float sum) {
    args.losses[token] = valid ? logf(sum) + largest - target : not_a_number();
    args.hits[token] = valid && target >= largest ? 1.0f : 0.0f;
}

// --- softmax_rows: any vocabulary. One block of 1024 threads per row; the maximum and the sum in one pass.

extern "C" __global__ void __launch_bounds__(1024) softmax_rows(SoftmaxRowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x, vocabulary = args.vocabulary;
    float* z = args.z + (int64)blockIdx.x * vocabulary;
    act* dz = (act*)z;
    if (row >= *args.rows_count) {
        for (int v = threadIdx.x; v < vocabulary && args.gradient; v += blockDim.x) dz[v] = act{0};
        return;
    }

    int token = args.rows[row], label = args.labels[token];
    bool valid = label >= 0 && label < vocabulary;
    float target = valid ? z[label] : 0.0f;
    float most = -infinity(), sum = 0.0f;
    for (int v = threadIdx.x; v < vocabulary; v += blockDim.x) {
        float x = z[v];
        if (x > most) {
            sum *= __expf(most - x);
            most = x;
        }
        sum += __expf(x - most);
    }
    float largest = block_max(most);
    sum = block_sum(most == -infinity() ? 0.0f : sum * __expf(most - largest));
    if (threadIdx.x == 0) write_loss(args, token, valid, target, largest, sum);
    if (!args.gradient) return;

    float scale = *args.loss_scale, factor = scale / sum;
    for (int first = 0; first < vocabulary; first += blockDim.x) {
        int v = first + threadIdx.x;
        float x = v < vocabulary ? __expf(z[v] - largest) * factor - (v == label ? scale : 0.0f) : 0.0f;
        // What is written here lies where others of this pass still read.
        __syncthreads();
        if (v < vocabulary) dz[v] = to_act(x);
    }
}

// --- softmax_rows_cluster: a row in the registers of a cluster of 16 blocks of 512 threads, so that it is read once and all at once. Two
// blocks share a multiprocessor, so that one reads or writes while the other computes. vocabulary % 4 == 0, at most 294,912.
#if __CUDA_ARCH__ >= 900
constexpr int CLUSTER = 16, THREADS = 512, WARPS = THREADS / WARP, PIECES = 9; // of four elements, of a thread
constexpr int STEP = CLUSTER * THREADS * 4;             // elements from one piece of a thread to its next
constexpr float LOWEST = -3.402823466e38f, LOG2_E = 1.4426950408889634f;

// A maximum and the sum of exp(x − maximum).
struct alignas(8) MaxSum {
    float max, sum;
};

__device__ __forceinline__ float exp_approx(float x) { return exp2_approx(x * LOG2_E); }

// That of all lanes. Finite maxima, LOWEST for nothing: a difference of two is never a NaN.
__device__ __forceinline__ MaxSum warp_join(MaxSum x) {
    float max = warp_max(x.max);
    return {max, warp_sum(x.sum * exp_approx(x.max - max))};
}

// Leaves x as it is where not valid. Volatile: the loads of a thread are all under way before the first is waited for. Not of the read-only
// kind, because the row is overwritten later.
__device__ __forceinline__ void load_if(const float* source, bool valid, float (&x)[4]) {
    asm volatile("{\n.reg .pred valid;\nsetp.ne.s32 valid, %5, 0;\n@valid ld.global.L1::no_allocate.v4.f32 {%0, %1, %2, %3}, [%4];\n}"
        : "+f"(x[0]), "+f"(x[1]), "+f"(x[2]), "+f"(x[3]) : "l"(source), "r"((int)valid));
}

// Writes to where another block of the cluster has this address of shared memory.
__device__ __forceinline__ void store_to_block(MaxSum* shared, int block, MaxSum x) {
    uint32 there = address_in_block(shared, block);
    asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(there), "f"(x.max), "f"(x.sum) : "memory");
}

extern "C" __global__ void __cluster_dims__(16, 1, 1) __launch_bounds__(512, 2) softmax_rows_cluster(SoftmaxRowsArgs args) {
    after_previous_kernel();
    __shared__ MaxSum of_warps[CLUSTER * WARPS]; // of all blocks, in each of them
    int rank = blockIdx.x % CLUSTER, row = blockIdx.x / CLUSTER, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int first = 4 * (rank * THREADS + threadIdx.x), left = args.vocabulary - first;
    float* z = args.z + (int64)row * args.vocabulary;
    float x[PIECES][4];
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
        x[i][0] = x[i][1] = x[i][2] = x[i][3] = -infinity();
        load_if(z + first + i * STEP, i * STEP < left, x[i]);
    }

    act* dz = (act*)z + first;
    row += args.first;
    uint32 count, token, label;
    load_once(args.rows_count, count);
    load_once(args.rows + row, token); // anything, behind the last
    if (row >= (int)count) {
        // The whole cluster comes here: none of its blocks waits for another.
        for (int i = 0; i * STEP < left && args.gradient; i++) *(uint2*)(dz + i * STEP) = make_uint2(0, 0);
        return;
    }

    load_once(args.labels + token, label);
    cluster_arrive_relaxed();
    bool valid = label < (uint32)args.vocabulary, writes_loss = rank == 0 && threadIdx.x == 0;
    float scale = *args.loss_scale, target = 0.0f;
    if (writes_loss && valid) target = z[label];

    MaxSum own = {LOWEST, 0.0f};
#pragma unroll
    for (int i = 0; i < PIECES; i++) own.max = fmaxf(own.max, fmaxf(fmaxf(x[i][0], x[i][1]), fmaxf(x[i][2], x[i][3])));
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) own.sum += x[i][j] = exp_approx(x[i][j] - own.max);
    }

    MaxSum joined = warp_join(own);
    cluster_wait(); // every block runs, so that its shared memory may be written
    if (lane < CLUSTER) store_to_block(of_warps + rank * WARPS + warp, lane, joined);
    __syncwarp();
    cluster_arrive();

    // Every warp has read its part of the row and has written to all blocks: nothing reads or writes another block's memory from here on,
    // and blocks may leave.
    cluster_wait();
    joined = {LOWEST, 0.0f};
#pragma unroll 4
    for (int i = lane; i < CLUSTER * WARPS; i += WARP) joined.max = fmaxf(joined.max, of_warps[i].max);
#pragma unroll 4
    for (int i = lane; i < CLUSTER * WARPS; i += WARP) joined.sum += of_warps[i].sum * exp_approx(of_warps[i].max - joined.max);
    joined = warp_join(joined);
    if (writes_loss) write_loss(args, token, valid, target, joined.max, joined.sum);
    if (!args.gradient) return;

    float factor = scale / joined.sum * exp_approx(own.max - joined.max);
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) x[i][j] = x[i][j] * factor - (label - first == i * STEP + j ? scale : 0.0f);
        if (i * STEP < left) store(dz + i * STEP, x[i]);
    }
}
#endif
