// The adapters of a few rows, the same for all of them: xa = x · Aᵀ in fp32, then y += scale · xa · Bᵀ, for up to three adapters that read
// the same rows. The _4 kernels need dim (down) or every r (up) in multiples of 4 and addresses aligned to 16.
#include "lora_rows.cuh"

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

// Grid: x: ranks of all adapters, 8 to a block, one to a warp; y: groups of 4 rows.
template <int Run>
__device__ __forceinline__ void down(const LoraRowsArgs& args) {
    int rank = blockIdx.x * Warps + threadIdx.x / WARP;
    if (rank >= args.ranks) return;
    int i = rank < args.rankEnd[0] ? 0 : rank < args.rankEnd[1] ? 1 : 2;
    int firstRow = blockIdx.y * RowsAtOnce, rows = min(args.rows - firstRow, RowsAtOnce), dim = args.dim;
    const float* a = args.a[i] + (int64)(rank - args.rankStart[i]) * dim;
    float* xa = args.xa + (int64)firstRow * args.ranks + rank;
    lora_down<Run>(a, args.x + (int64)firstRow * dim, dim, 0, rows, xa, args.ranks);
}

// Grid: x: tiles of 64 outputs of every adapter, 4 lanes to an output; y: groups of 8 rows.
template <int Run>
__device__ __forceinline__ void up(const LoraRowsArgs& args) {
    int block = blockIdx.x, i = block < args.tileEnd[0] ? 0 : block < args.tileEnd[1] ? 1 : 2;
    int tile = i == 0 ? block : block - args.tileEnd[i - 1], r = args.r[i], outDim = args.outDim[i];
    int out = tile * BlockOuts + threadIdx.x / LanesPerOut;
    int firstRow = blockIdx.y * UpRows, rows = min(args.rows - firstRow, UpRows);
    const float* xa = args.xa + (int64)firstRow * args.ranks + args.rankStart[i];
    bool wideY = args.wideY >> i & 1;
    void* y = row_of(args.y[i], wideY, firstRow, outDim);
    lora_up<Run>(args.b[i], r, args.scale[i], xa, args.ranks, out, outDim, 0, rows, y, wideY);
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
