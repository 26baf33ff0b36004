// Loss, hit and gradient of the logits, for the tokens that have a label. Which tokens these are is found on the device, so that a step never
// waits for the host: chunks of a fixed number of rows cover as many tokens as may have one; rows behind the last are zeros and change nothing.
#include "elements.cuh"

constexpr int NO_LABEL = -100;

__device__ __forceinline__ float not_a_number() { return __uint_as_float(0x7FC00000u); }

// --- label_rows: rows[i] is the i-th token with a label, rows_count how many there are. Beyond `most`, only the loss is written: not a number. One
// block of 1024 threads.

struct LabelRowsArgs {
    const int* labels;
    int* rows;
    int* rows_count;
    float* losses; // [tokens]
    int tokens, most;
};

extern "C" __global__ void __launch_bounds__(1024) label_rows(LabelRowsArgs args) {
    after_previous_kernel();
    __shared__ int warp_counts[WARP];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, before = 0;
    for (int first = 0; first < args.tokens; first += blockDim.x) {
        int token = first + threadIdx.x;
        bool labelled = token < args.tokens && args.labels[token] != NO_LABEL;
        uint32 votes = __ballot_sync(FULL_MASK, labelled);
        if (lane == 0) warp_counts[warp] = __popc(votes);
        __syncthreads();
        int mine = before + __popc(votes & ((1u << lane) - 1));
        for (int w = 0; w < WARP; w++) {
            if (w < warp) mine += warp_counts[w];
            before += warp_counts[w];
        }
        if (labelled && mine < args.most) args.rows[mine] = token;
        else if (labelled) args.losses[token] = not_a_number();
        __syncthreads();
    }
    if (threadIdx.x == 0) *args.rows_count = min(before, args.most);
}

// --- gather_rows: to[i] = from[rows[first + i]], zeros behind the last labelled row. One block per row.

struct RowsArgs {
    const bf16* from;  // of gather_rows [tokens, dim], of scatter_rows [chunk, dim]
    bf16* to;          // of gather_rows [chunk, dim], of scatter_rows [tokens, dim]
    const int* rows;
    const int* rows_count;
    int first;
    int dim;
};

extern "C" __global__ void gather_rows(RowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x;
    bool labelled = row < *args.rows_count;
    const bf16* from = args.from + (labelled ? (int64)args.rows[row] * args.dim : 0);
    bf16* to = args.to + (int64)blockIdx.x * args.dim;
    for (int i = threadIdx.x; i < args.dim; i += blockDim.x) to[i] = labelled ? from[i] : bf16{0};
}

// --- scatter_rows: to[rows[first + i]] = from[i] for the labelled rows. One block per row.

extern "C" __global__ void scatter_rows(RowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x;
    if (row >= *args.rows_count) return;
    const bf16* from = args.from + (int64)blockIdx.x * args.dim;
    bf16* to = args.to + (int64)args.rows[row] * args.dim;
    for (int i = threadIdx.x; i < args.dim; i += blockDim.x) to[i] = from[i];
}

// --- softmax_rows: losses and hits, and where asked (softmax − onehot) · scale in place: bf16 in the first half of each fp32 row. One block of
// 1024 threads per row; the maximum and the sum in one pass, fp32, in a fixed order.

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

extern "C" __global__ void __launch_bounds__(1024) softmax_rows(SoftmaxRowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x, vocabulary = args.vocabulary;
    float* z = args.z + (int64)blockIdx.x * vocabulary;
    bf16* dz = (bf16*)z;
    if (row >= *args.rows_count) {
        for (int v = threadIdx.x; v < vocabulary && args.gradient; v += blockDim.x) dz[v] = bf16{0};
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
    if (threadIdx.x == 0) {
        // A label outside the vocabulary cannot stop a step that the host does not wait for: it shows as a loss that is not a number.
        args.losses[token] = valid ? logf(sum) + largest - target : not_a_number();
        args.hits[token] = valid && target >= largest ? 1.0f : 0.0f;
    }
    if (!args.gradient) return;

    float scale = *args.loss_scale, factor = scale / sum;
    for (int first = 0; first < vocabulary; first += blockDim.x) {
        int v = first + threadIdx.x;
        float x = v < vocabulary ? __expf(z[v] - largest) * factor - (v == label ? scale : 0.0f) : 0.0f;
        // What is written here lies where others of this pass still read.
        __syncthreads();
        if (v < vocabulary) dz[v] = to_bf16(x);
    }
}

// --- softmax_rows_cluster: the same with a row in the shared memory of a cluster of 16 blocks of 512 threads, so that it is read once. Three blocks
// share a multiprocessor, so that some read or write while others compute. vocabulary % 4 == 0; shared memory: a sixteenth of a row, in fp32,
// rounded up to 4 elements.
#if __CUDA_ARCH__ >= 900
constexpr int CLUSTER = 16;

// Between them, what each block of the cluster did before it arrived becomes visible to those that waited.
__device__ __forceinline__ void cluster_arrive() { asm volatile("barrier.cluster.arrive;" ::: "memory"); }

__device__ __forceinline__ void cluster_wait() { asm volatile("barrier.cluster.wait;" ::: "memory"); }

// A float of this block's shared memory as another block of the cluster has it.
__device__ __forceinline__ float load_of_block(const float* shared, int block) {
    uint32 address = (uint32)__cvta_generic_to_shared(shared), there;
    float x;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(block));
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(there) : "memory");
    return x;
}

extern "C" __global__ void __cluster_dims__(16, 1, 1) __launch_bounds__(512, 3) softmax_rows_cluster(SoftmaxRowsArgs args) {
    after_previous_kernel();
    extern __shared__ float4 part[]; // a thread writes and reads its own elements alone
    __shared__ float own[2];         // this block's maximum, and its sum of exp(x − maximum)
    int row = args.first + blockIdx.x / CLUSTER, rank = blockIdx.x % CLUSTER, vocabulary = args.vocabulary;
    int length = ((vocabulary + CLUSTER - 1) / CLUSTER + 3) & ~3, start = min(rank * length, vocabulary), count = min(length, vocabulary - start) / 4;
    float* z = args.z + (int64)(blockIdx.x / CLUSTER) * vocabulary;
    bf16* dz = (bf16*)z + start;
    if (row >= *args.rows_count) {
        for (int i = threadIdx.x; i < count && args.gradient; i += blockDim.x) ((uint2*)dz)[i] = make_uint2(0, 0);
        return;
    }

    for (int i = threadIdx.x; i < count; i += blockDim.x) cp_async16(part + i, z + start + 4 * i, true);
    int token = args.rows[row], label = args.labels[token];
    bool valid = label >= 0 && label < vocabulary;
    float target = valid ? z[label] : 0.0f, most = -infinity(), sum = 0.0f;
    cp_async_wait();
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        float4 x = part[i];
        most = fmaxf(most, fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w)));
    }

    most = block_max(most);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        float4 x = part[i];
        x = make_float4(__expf(x.x - most), __expf(x.y - most), __expf(x.z - most), __expf(x.w - most));
        part[i] = x;
        sum += x.x + x.y + x.z + x.w;
    }

    sum = block_sum(sum);
    if (threadIdx.x == 0) own[0] = most, own[1] = sum;
    cluster_arrive();
    cluster_wait(); // every block has read its part of the row, and its sums are there
    int lane = threadIdx.x % WARP;
    float there = lane < CLUSTER ? load_of_block(own, lane) : -infinity(), largest = warp_max(there);
    float total = warp_sum(there > -infinity() ? load_of_block(own + 1, lane) * __expf(there - largest) : 0.0f);
    cluster_arrive();
    if (rank == 0 && threadIdx.x == 0) {
        args.losses[token] = valid ? logf(total) + largest - target : not_a_number();
        args.hits[token] = valid && target >= largest ? 1.0f : 0.0f;
    }

    if (args.gradient) {
        float scale = *args.loss_scale, factor = scale / total * __expf(most - largest);
        for (int i = threadIdx.x; i < count; i += blockDim.x) {
            float4 e = part[i];
            float x[4] = {e.x, e.y, e.z, e.w};
#pragma unroll
            for (int j = 0; j < 4; j++) x[j] = x[j] * factor - (start + 4 * i + j == label ? scale : 0.0f);
            store(dz + 4 * i, x);
        }
    }

    cluster_wait(); // no block leaves while another reads its sums
}
#endif
