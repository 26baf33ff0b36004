// A linear layer and its adapter as one product: [x | xa] · [W | s·B]ᵀ forward, dy · [W | s·B] = [dx | dxa] backward. Rows of W are padded
// to multiples of 8 elements, and so is every adapter's share, with zeros. A thread takes DEPTH runs of 8 elements, a block's width apart,
// and fetches all before it stores the first; 256 threads, rows · width / 8 < 2^31.
#include "nf4.cuh"

constexpr int DEPTH = 4, NF4_BLOCKS = at_most(5, 256);

// y[o] = [w[o] | 0 … | s·b[o] | 0 …]: the adapter's columns begin at `offset` behind w's, of `extra` in all.

struct AugmentedWeightArgs {
    Nf4Matrix nf4;  // where codes is null, w is the weight
    const void* w;  // [rows, dim]
    const float* b; // [rows, r], or null
    act* y;         // [rows, round_up8(dim) + extra]
    int rows, dim, dtype, r, offset, extra;
    float scale;
};

// Elements first to first + 8 of a row of s · b, zeros outside of it.
__device__ __forceinline__ void load_adapter(const float* b, int r, float scale, int64 row, int first, float (&x)[8]) {
#pragma unroll
    for (int j = 0; j < 8; j++) {
        int k = first + j;
        x[j] = b && k >= 0 && k < r ? scale * b[row * r + k] : 0.0f;
    }
}

// The same for the run at `column`, dim or more, of y.
__device__ __forceinline__ void load_adapter(const AugmentedWeightArgs& a, int64 row, int column, float (&x)[8]) {
    load_adapter(a.b, a.r, a.scale, row, column - round_up8(a.dim) - a.offset, x);
}

// Any weight. A thread per run.
extern "C" __global__ void __launch_bounds__(256) augmented_weight(AugmentedWeightArgs a) {
    after_previous_kernel();
    __shared__ Nf4Tables tables;
    if (a.nf4.codes) tables.fill(a.nf4);
    int dim = round_up8(a.dim);
    uint32 run = blockIdx.x * blockDim.x + threadIdx.x, perRow = (dim + a.extra) / 8, row = run / perRow;
    if (row >= a.rows) return;
    int column = (run - row * perRow) * 8;
    int64 first = (int64)row * a.dim + column;
    float x[8] = {};
    if (column >= dim) load_adapter(a, row, column, x);
    else if (a.dim % 8 == 0 && !a.nf4.codes) load_as(a.w, a.dtype, first, x);
    else {
#pragma unroll
        for (int j = 0; j < 8; j++) {
            if (column + j < a.dim) x[j] = a.nf4.codes ? decode(a.nf4, tables, first + j) : load(a.w, a.dtype, first + j);
        }
    }

    store(a.y + (int64)run * 8, x);
}

// NF4 with dim % 8 == 0.
extern "C" __global__ void __launch_bounds__(256, NF4_BLOCKS) augmented_weight_nf4(AugmentedWeightArgs a) {
    after_previous_kernel();
    __shared__ Nf4Tables tables;
    uint32 start = blockIdx.x * DEPTH * blockDim.x + threadIdx.x, perRow = (a.dim + a.extra) / 8;
    Nf4Run runs[DEPTH];
#pragma unroll
    for (int i = 0; i < DEPTH; i++) {
        uint32 run = start + i * blockDim.x, row = run / perRow;
        int column = (run - row * perRow) * 8;
        if (row < a.rows && column < a.dim) runs[i].fetch(a.nf4, (int64)row * a.dim + column);
    }

    tables.fill(a.nf4); // while the codes are on their way
#pragma unroll
    for (int i = 0; i < DEPTH; i++) {
        uint32 run = start + i * blockDim.x, row = run / perRow;
        if (row >= a.rows) break;
        int column = (run - row * perRow) * 8;
        float x[8];
        if (column < a.dim) runs[i].decode(a.nf4, tables, x);
        else load_adapter(a, row, column, x);
        store(a.y + (int64)run * 8, x);
    }
}

// The columns behind w's alone, of up to 3 decoded weights that multiply one input, a grid's row each.

struct AdapterColumnsArgs {
    const float* b[3]; // [rows, r], or null
    act* y[3];         // [rows, inner + extra]
    int rows[3];
    int r[3];
    int offset[3];
    float scale[3];
    int inner, extra;
};

// A thread per run.
extern "C" __global__ void __launch_bounds__(256) adapter_columns(const __grid_constant__ AdapterColumnsArgs a) {
    after_previous_kernel();
    int i = blockIdx.y;
    uint32 run = blockIdx.x * blockDim.x + threadIdx.x, perRow = a.extra / 8, row = run / perRow;
    if (row >= a.rows[i]) return;
    int column = (run - row * perRow) * 8;
    float x[8];
    load_adapter(a.b[i], a.r[i], a.scale[i], row, column - a.offset[i], x);
    store(a.y[i] + (int64)row * (a.inner + a.extra) + a.inner + column, x);
}
