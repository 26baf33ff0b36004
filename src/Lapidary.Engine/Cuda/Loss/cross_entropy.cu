// Rows of the tokens that have a label. Which tokens these are is found on the device, so that a step never waits for the host: chunks of a
// fixed number of rows cover as many tokens as may have one; rows behind the last are zeros and change nothing.
#include "common.cuh"

constexpr int NO_LABEL = -100;

// --- label_rows: rows[i] is the i-th token with a label, rows_count how many there are. Beyond max_labels, only the loss is written: not a
// number. One block of 1024 threads.

struct LabelRowsArgs {
    const int* labels;
    int* rows;
    int* rows_count;
    float* losses; // [tokens]
    int tokens, max_labels;
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
        if (labelled && mine < args.max_labels) args.rows[mine] = token;
        else if (labelled) args.losses[token] = not_a_number();
        __syncthreads();
    }
    if (threadIdx.x == 0) *args.rows_count = min(before, args.max_labels);
}

// --- gather_rows: to[i] = from[rows[first + i]], zeros behind the last labelled row. One block per row.

struct RowsArgs {
    const act* from;   // of gather_rows [tokens, dim], of scatter_rows [chunk, dim]
    act* to;           // of gather_rows [chunk, dim], of scatter_rows [tokens, dim]
    const int* rows;
    const int* rows_count;
    int first;
    int dim;
};

extern "C" __global__ void gather_rows(RowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x;
    bool labelled = row < *args.rows_count;
    const act* from = args.from + (labelled ? (int64)args.rows[row] * args.dim : 0);
    act* to = args.to + (int64)blockIdx.x * args.dim;
    for (int i = threadIdx.x; i < args.dim; i += blockDim.x) to[i] = labelled ? from[i] : act{0};
}

// --- scatter_rows: to[rows[first + i]] = from[i] for the labelled rows. One block per row.

extern "C" __global__ void scatter_rows(RowsArgs args) {
    after_previous_kernel();
    int row = args.first + blockIdx.x;
    if (row >= *args.rows_count) return;
    const act* from = args.from + (int64)blockIdx.x * args.dim;
    act* to = args.to + (int64)args.rows[row] * args.dim;
    for (int i = threadIdx.x; i < args.dim; i += blockDim.x) to[i] = from[i];
}
