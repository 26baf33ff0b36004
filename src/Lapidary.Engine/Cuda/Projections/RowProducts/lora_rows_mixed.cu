// The adapters of a few rows, of which each has its own or none: as lora_rows.cu, with the same sums, so a row has the same bits.
// Neighbours with one adapter are a run, which reads the adapter once; a block takes some of the runs of its group of rows.
#include "lora_rows.cuh"

struct LoraOfRow {
    const float* a[3];    // [r, dim], of each output
    const float* b[3];    // [out, r]
    int rankEnd[3];       // columns of xa up to and with this output's; r may be 0
    float scale[3];
    int inFours;          // whether every r is a multiple of 4
};

struct MixedLoraRowsArgs {
    const act* x;         // [rows, dim]
    const int* indices;   // [rows]: first + an adapter's place; rows with others have no adapter of this launch
    void* y[3];           // [rows, out], act, or wide where wideY has its bit
    float* xa;            // [rows, ranks]
    int outDim[3];
    int tileEnd[3];       // tiles of the outputs up to and with this one
    int rows, dim, ranks, wideY, first, count;
    LoraOfRow adapters[32];
};

// Calls use(adapter, from, to) for this block's runs of a group's rows.
template <typename Use>
__device__ __forceinline__ void for_runs(const MixedLoraRowsArgs& args, int firstRow, int rows, Use use) {
    const int* indices = args.indices + firstRow;
    int run = 0;
    for (int from = 0, to; from < rows; from = to) {
        int index = indices[from];
        for (to = from + 1; to < rows && indices[to] == index;) to++;
        int place = index - args.first;
        if (index < 0 || place < 0 || place >= args.count) continue;
        if (run++ % gridDim.z == blockIdx.z) use(args.adapters[place], from, to);
    }
}

// Grid: x: ranks of the adapter with most of them, 8 to a block, one to a warp; y: groups of 4 rows; z: runs.
template <int Run>
__device__ __forceinline__ void down(const MixedLoraRowsArgs& args) {
    int rank = blockIdx.x * Warps + threadIdx.x / WARP, firstRow = blockIdx.y * RowsAtOnce, dim = args.dim;
    const act* x = args.x + (int64)firstRow * dim;
    float* xa = args.xa + (int64)firstRow * args.ranks + rank;
    for_runs(args, firstRow, min(args.rows - firstRow, RowsAtOnce), [&](const LoraOfRow& adapter, int from, int to) {
        if (rank >= adapter.rankEnd[2]) return;
        int i = rank < adapter.rankEnd[0] ? 0 : rank < adapter.rankEnd[1] ? 1 : 2, start = i == 0 ? 0 : adapter.rankEnd[i - 1];
        lora_down<Run>(adapter.a[i] + (int64)(rank - start) * dim, x, dim, from, to, xa, args.ranks);
    });
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_mixed_down_4(const __grid_constant__ MixedLoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    down<4>(args);
}

extern "C" __global__ void __launch_bounds__(256) lora_rows_mixed_down_1(const __grid_constant__ MixedLoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    down<1>(args);
}

// Grid: x: tiles of 64 outputs, 4 lanes to an output; y: groups of 8 rows; z: runs.
extern "C" __global__ void __launch_bounds__(256) lora_rows_mixed_up(const __grid_constant__ MixedLoraRowsArgs args) {
    after_previous_kernel();
    let_next_kernel_start();
    int block = blockIdx.x, i = block < args.tileEnd[0] ? 0 : block < args.tileEnd[1] ? 1 : 2;
    int tile = i == 0 ? block : block - args.tileEnd[i - 1], outDim = args.outDim[i];
    int out = tile * BlockOuts + threadIdx.x / LanesPerOut, firstRow = blockIdx.y * UpRows;
    bool wideY = args.wideY >> i & 1;
    void* y = row_of(args.y[i], wideY, firstRow, outDim);
    for_runs(args, firstRow, min(args.rows - firstRow, UpRows), [&](const LoraOfRow& adapter, int from, int to) {
        int start = i == 0 ? 0 : adapter.rankEnd[i - 1], r = adapter.rankEnd[i] - start;
        if (r == 0) return;
        const float* xa = args.xa + (int64)firstRow * args.ranks + start;
        if (adapter.inFours) lora_up<4>(adapter.b[i], r, adapter.scale[i], xa, args.ranks, out, outDim, from, to, y, wideY);
        else lora_up<1>(adapter.b[i], r, adapter.scale[i], xa, args.ranks, out, outDim, from, to, y, wideY);
    });
}
