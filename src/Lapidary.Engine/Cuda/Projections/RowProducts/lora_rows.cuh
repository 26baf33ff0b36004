#pragma once
// The sums of an adapter over a few rows, see lora_rows.cu: xa = x · Aᵀ in fp32, then y += scale · xa · Bᵀ. A row's bits do not depend on
// the other rows: each of its sums is formed by the same threads in the same order, by fmaf, for one row and for many.
#include "elements.cuh"

constexpr int Warps = 8, RowsAtOnce = 4;
constexpr int UpRows = 8, LanesPerOut = 4, BlockOuts = Warps * WARP / LanesPerOut;

// One column of xa, by a warp, for the rows from `from` to before `to` of at most 4; xa is that of row 0 and this column.
template <int Run>
__device__ __forceinline__ void lora_down(const float* a, const act* x, int dim, int from, int to, float* xa, int ranks) {
    constexpr int Step = WARP * Run, Depth = 4; // steps under way at once
    int lane = threadIdx.x % WARP;
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
                if (row < from || row >= to) continue;
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
        if (lane == 0 && row >= from && row < to) xa[(int64)row * ranks] = total;
    }
}

template <typename T>
__device__ __forceinline__ void add_scaled(T* y, float scale, float x) {
    store(y, fmaf(scale, x, to_float(*y)));
}

// One output, by 4 lanes, for the rows from `from` to before `to` of at most 8; xa is that of row 0 and the adapter's first column, y that
// of row 0 and output 0, act or wide.
template <int Run>
__device__ __forceinline__ void lora_up(
    const float* b, int r, float scale, const float* xa, int ranks, int out, int outDim, int from, int to, void* y, bool wideY) {
    int part = threadIdx.x % LanesPerOut;
    b += (int64)min(out, outDim - 1) * r;
    float sum[UpRows] = {};
    for (int first = part * Run; first < r; first += LanesPerOut * Run) {
        float weight[Run];
        load(b + first, weight);
#pragma unroll
        for (int row = 0; row < UpRows; row++) {
            if (row < from || row >= to) continue;
            float values[Run];
            load(xa + (int64)row * ranks + first, values);
#pragma unroll
            for (int j = 0; j < Run; j++) sum[row] = fmaf(weight[j], values[j], sum[row]);
        }
    }

#pragma unroll
    for (int row = 0; row < UpRows; row++) {
        if (row < from || row >= to) continue;
        float total = sum[row];
        total += __shfl_xor_sync(FULL_MASK, total, 1);
        total += __shfl_xor_sync(FULL_MASK, total, 2);
        int64 at = (int64)row * outDim + out;
        if (part != 0 || out >= outDim) continue;
        if (IsWide && wideY) add_scaled((wide*)y + at, scale, total);
        else add_scaled((act*)y + at, scale, total);
    }
}

// The address of a row of outputs, act or wide.
__device__ __forceinline__ void* row_of(void* y, bool wideY, int64 row, int outDim) {
    return (char*)y + row * outDim * (IsWide && wideY ? sizeof(wide) : sizeof(act));
}
