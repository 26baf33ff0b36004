// The adapters of a few rows: xa = x · Aᵀ in fp32, then y += scale · xa · Bᵀ, for up to three adapters that read the same rows. A row's
// bits do not depend on the other rows: each of its sums is formed by the same threads in the same order, by fmaf, for one row and for
// many. The _4 kernels need dim (down) or every r (up) in multiples of 4 and addresses aligned to 16.
#include "elements.cuh"

struct LoraRowsArgs {
    const act* x;         // [rows, dim]
    const float* a[3];    // [r, dim]
    const float* b[3];    // [out, r]
    void* y[3];           // [rows, out], act, or wide where wideY has its bit
    int r[3];
    int rankStart[3];     // first column of xa
    int rankEnd[3];
    int outDim[3];
    int tileEnd[3];       // tiles of the outputs up to and with this one
    float scale[3];
    float* xa;            // [rows, ranks], of all adapters side by side
    int rows, dim, ranks, wideY;
};

constexpr int Warps = 8, RowsAtOnce = 4;
constexpr int UpRows = 8, LanesPerOut = 4, BlockOuts = Warps * WARP / LanesPerOut;

// Grid: x: ranks of all adapters, 8 to a block, one to a warp; y: groups of 4 rows.
template <int Run>
__device__ __forceinline__ void down(const LoraRowsArgs& args) {
    constexpr int Step = WARP * Run, Depth = 4; // steps under way at once
    int rank = blockIdx.x * Warps + threadIdx.x / WARP, lane = threadIdx.x % WARP;
    if (rank >= args.ranks) return;
    int i = rank < args.rankEnd[0] ? 0 : rank < args.rankEnd[1] ? 1 : 2;
    int firstRow = blockIdx.y * RowsAtOnce, rows = min(args.rows - firstRow, RowsAtOnce), dim = args.dim;
    const float* a = args.a[i] + (int64)(rank - args.rankStart[i]) * dim;
    const act* x = args.x + (int64)firstRow * dim;
    float sum[RowsAtOnce] = {};
    for (int first = lane * Run; first < dim; first += Depth * Step) {
        float weights[Depth][Run];
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            if (first + d * Step < dim) load(a + first + d * Step, weights[d]);
        }

#pragma unroll
        for (int d = 0; d < Depth; d++) {
            if (first + d * Step >= dim) continue;
#pragma unroll
            for (int row = 0; row < RowsAtOnce; row++) {
                if (row >= rows) continue;
                float values[Run];
                load(x + (int64)row * dim + first + d * Step, values);
#pragma unroll
                for (int j = 0; j < Run; j++) sum[row] = fmaf(weights[d][j], values[j], sum[row]);
            }
        }
    }

#pragma unroll
    for (int row = 0; row < RowsAtOnce; row++) {
        float total = warp_sum(sum[row]);
        if (lane == 0 && row < rows) args.xa[(int64)(firstRow + row) * args.ranks + rank] = total;
    }
}

template <typename T>
__device__ __forceinline__ void add_scaled(T* y, float scale, float x) {
    store(y, fmaf(scale, x, to_float(*y)));
}

// Grid: x: tiles of 64 outputs of every adapter, 4 lanes to an output; y: groups of 8 rows.
template <int Run>
__device__ __forceinline__ void up(const LoraRowsArgs& args) {
    int block = blockIdx.x, i = block < args.tileEnd[0] ? 0 : block < args.tileEnd[1] ? 1 : 2;
    int tile = i == 0 ? block : block - args.tileEnd[i - 1], r = args.r[i], outDim = args.outDim[i];
    int out = tile * BlockOuts + threadIdx.x / LanesPerOut, part = threadIdx.x % LanesPerOut;
    int firstRow = blockIdx.y * UpRows, rows = min(args.rows - firstRow, UpRows);
    const float* b = args.b[i] + (int64)min(out, outDim - 1) * r;
    const float* xa = args.xa + (int64)firstRow * args.ranks + args.rankStart[i];
    float sum[UpRows] = {};
    for (int first = part * Run; first < r; first += LanesPerOut * Run) {
        float weight[Run];
        load(b + first, weight);
#pragma unroll
        for (int row = 0; row < UpRows; row++) {
            if (row >= rows) continue;
            float values[Run];
            load(xa + (int64)row * args.ranks + first, values);
#pragma unroll
            for (int j = 0; j < Run; j++) sum[row] = fmaf(weight[j], values[j], sum[row]);
        }
    }

#pragma unroll
    for (int row = 0; row < UpRows; row++) {
        if (row >= rows) continue;
        float total = sum[row];
        total += __shfl_xor_sync(FULL_MASK, total, 1);
        total += __shfl_xor_sync(FULL_MASK, total, 2);
        int64 to = (int64)(firstRow + row) * outDim + out;
        if (part != 0 || out >= outDim) continue;
        if (IsWide && args.wideY >> i & 1) add_scaled((wide*)args.y[i] + to, args.scale[i], total);
        else add_scaled((act*)args.y[i] + to, args.scale[i], total);
    }
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_down_4(const __grid_constant__ LoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    down<4>(args);
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_down_1(const __grid_constant__ LoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    down<1>(args);
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_up_4(const __grid_constant__ LoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    up<4>(args);
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_up_1(const __grid_constant__ LoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    up<1>(args);
}
