// Products of up to 8 rows (few), see project_rows.cuh. Grid: x: tiles of 16 (wide: 32) rows of the weights, one weight after the other; y:
// groups of 8 rows of x. A warp takes warpParts neighbouring parts, at least one. Dynamic shared memory: the weight's tables, and the sums
// of the parts, [parts, 8, tile rows + 4] of fp32.
#include "project_rows.cuh"

constexpr int FewRows = 8;

// An output, from the sums of its parts, which lie stride elements from each other.
__device__ __forceinline__ float sum_parts(const ProjectRowsArgs& a, const float* partial, int stride) {
    float sum = 0;
    for (int first = 0; first < a.parts; first += a.bundleParts, partial += a.bundleParts * stride) {
        float part[MaxBundleParts], bundle = 0;
#pragma unroll
        for (int i = 0; i < MaxBundleParts; i++) part[i] = i < a.bundleParts && first + i < a.parts ? partial[i * stride] : 0;
#pragma unroll
        for (int i = 0; i < MaxBundleParts; i++) bundle += part[i];
        sum += bundle;
    }

    return sum;
}

template <typename W, int Depth, int MTiles, bool Gated = false>
__device__ __forceinline__ void project_few(const ProjectRowsArgs& a) {
    constexpr int TileRows = 16 * MTiles, TileOuts = Gated ? TileRows / 2 : TileRows, Step = 4 * W::Run, Pieces = W::Run / 8;
    constexpr int Stride = TileRows + 4; // no two lanes of a store in one bank
    if constexpr (!W::WeightsFirst) {
        after_previous_kernel();
        let_next_kernel_start();
    }

    extern __shared__ uint4 shared[];
    typename W::Tables* tables = (typename W::Tables*)shared;
    float* partial = (float*)(tables + 1);
    BlockTile at(a, blockIdx.x, TileOuts);
    const W weights[2] = {W(a, Gated ? 0 : at.which, tables), W(a, Gated ? 1 : at.which, tables)}; // of rows 8r + group for even and odd r
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.y * FewRows, rows = min(a.rows - firstRow, FewRows);
    int end = min((warp + 1) * a.warpParts * a.partSteps, a.steps);
    const act* x = a.x + (int64)(firstRow + group) * a.dim;
    typename W::Row row[2 * MTiles];
#pragma unroll
    for (int r = 0; r < 2 * MTiles; r++) row[r] = weights[r % 2].row(min(at.firstOut + 8 * (Gated ? r / 2 : r) + group, outDim - 1));
    float sum[MTiles][4] = {};
    int part = warp * a.warpParts, left = a.partSteps; // steps of the part
    for (int step = warp * a.warpParts * a.partSteps; step < end; step += Depth) { // the same for a whole warp
        typename W::Fetched run[Depth][2 * MTiles];
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            int column = (step + d) * Step + quad * W::Run;
            if (step + d >= end) continue;
#pragma unroll
            for (int r = 0; r < 2 * MTiles; r++) weights[r % 2].fetch(row[r], column, run[d][r]);
        }

        if (part == warp * a.warpParts && left == a.partSteps) { // once, by all warps: each has a step
            weights[0].prepare();
            if constexpr (W::WeightsFirst) {
                after_previous_kernel();
                let_next_kernel_start();
            }

            __syncthreads();
        }

#pragma unroll
        for (int d = 0; d < Depth; d++) {
            if (step + d >= end) continue;
#pragma unroll
            for (int r = 0; r < 2 * MTiles; r++) weights[r % 2].complete(run[d][r]);
#pragma unroll
            for (int piece = 0; piece < Pieces; piece++) {
                Piece words;
                load_x<W::Aligned>(x, (step + d) * Step + quad * W::Run + 8 * piece, group < rows ? a.dim : 0, words);
#pragma unroll
                for (int m = 0; m < MTiles; m++) {
                    Piece top, bottom;
                    weights[0].decode(run[d][2 * m], piece, top);
                    weights[1].decode(run[d][2 * m + 1], piece, bottom);
                    multiply(sum[m], top, bottom, words);
                }
            }

            if (--left > 0 && step + d + 1 < end) continue;
            float* to = partial + (part * a.sumRows + 2 * quad) * Stride + group;
#pragma unroll
            for (int m = 0; m < MTiles; m++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    if (2 * quad + i % 2 < a.sumRows) to[i % 2 * Stride + 16 * m + 8 * (i / 2)] = sum[m][i];
                    sum[m][i] = 0;
                }
            }

            part++, left = a.partSteps;
        }
    }

    __syncthreads();
    for (int e = threadIdx.x; e < rows * TileOuts; e += blockDim.x) {
        int r = e / TileOuts, out = e % TileOuts;
        if (at.firstOut + out >= outDim) continue;
        float y = sum_parts(a, partial + r * Stride + (Gated ? out / 8 * 16 + out % 8 : out), a.sumRows * Stride);
        if constexpr (Gated) y = gated(y, sum_parts(a, partial + r * Stride + out / 8 * 16 + 8 + out % 8, a.sumRows * Stride));
        store_y(a, at.which, firstRow + r, at.firstOut + out, y);
    }
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_nf4(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<false>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_wide(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<false>, 2, 2>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_nf4_nested(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<true>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_nested_wide(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<true>, 2, 2>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_bf16(const __grid_constant__ ProjectRowsArgs a) {
    project_few<DenseRows<bf16>, 2, 1>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<false>, 2, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_nested_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_few<Nf4Rows<true>, 2, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_bf16_gated(const __grid_constant__ ProjectRowsArgs a) {
    project_few<DenseRows<bf16>, 2, 2, true>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_fp16(const __grid_constant__ ProjectRowsArgs a) {
    project_few<DenseRows<half>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_fp32(const __grid_constant__ ProjectRowsArgs a) {
    project_few<DenseRows<float>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_any(const __grid_constant__ ProjectRowsArgs a) {
    project_few<AnyRows, 1, 1>(a);
}
