// Products of up to 8 rows (few), see project_rows.cuh. Grid: x: tiles of 16 (wide: 32) rows of the weights, one weight after the other; y:
// groups of 8 rows of x. A warp takes warpParts neighbouring parts, at least one. Dynamic shared memory: the weight's tables, and the sums
// of the parts, [parts, 8, tile rows + 4] of fp32.
#include "project_rows.cuh"

constexpr int FewRows = 8;

template <typename W, int Depth, int MTiles>
__device__ __forceinline__ void project_few(const ProjectRowsArgs& a) {
    constexpr int TileRows = 16 * MTiles, Step = 4 * W::Run, Pieces = W::Run / 8;
    constexpr int Stride = TileRows + 4; // no two lanes of a store in one bank
    extern __shared__ uint4 shared[];
    typename W::Tables* tables = (typename W::Tables*)shared;
    float* partial = (float*)(tables + 1);
    BlockTile at(a, blockIdx.x, TileRows);
    W weight(a, at.which, tables);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, group = lane / 4, quad = lane % 4, outDim = a.outDim[at.which];
    int firstRow = blockIdx.y * FewRows, rows = min(a.rows - firstRow, FewRows);
    int end = min((warp + 1) * a.warpParts * a.partSteps, a.steps);
    const bf16* x = a.x + (int64)(firstRow + group) * a.dim;
    typename W::Row row[2 * MTiles];
#pragma unroll
    for (int r = 0; r < 2 * MTiles; r++) row[r] = weight.row(min(at.firstOut + 8 * r + group, outDim - 1));
    float sum[MTiles][4] = {};
    int part = warp * a.warpParts, left = a.partSteps; // steps of the part
    for (int step = warp * a.warpParts * a.partSteps; step < end; step += Depth) { // the same for a whole warp
        typename W::Fetched run[Depth][2 * MTiles];
#pragma unroll
        for (int d = 0; d < Depth; d++) {
            int column = (step + d) * Step + quad * W::Run;
            if (step + d >= end) continue;
#pragma unroll
            for (int r = 0; r < 2 * MTiles; r++) weight.fetch(row[r], column, run[d][r]);
        }

        if (part == warp * a.warpParts && left == a.partSteps) { // once, by all warps: each has a step
            weight.prepare();
            __syncthreads();
        }

#pragma unroll
        for (int d = 0; d < Depth; d++) {
            if (step + d >= end) continue;
#pragma unroll
            for (int r = 0; r < 2 * MTiles; r++) weight.complete(run[d][r]);
#pragma unroll
            for (int piece = 0; piece < Pieces; piece++) {
                Piece words;
                load_x<W::Aligned>(x, (step + d) * Step + quad * W::Run + 8 * piece, group < rows ? a.dim : 0, words);
#pragma unroll
                for (int m = 0; m < MTiles; m++) {
                    Piece top, bottom;
                    weight.decode(run[d][2 * m], piece, top);
                    weight.decode(run[d][2 * m + 1], piece, bottom);
                    multiply(sum[m], top, bottom, words);
                }
            }

            if (--left > 0 && step + d + 1 < end) continue;
            float* to = partial + part * FewRows * Stride;
#pragma unroll
            for (int m = 0; m < MTiles; m++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    to[(2 * quad + i % 2) * Stride + 16 * m + 8 * (i / 2) + group] = sum[m][i];
                    sum[m][i] = 0;
                }
            }

            part++, left = a.partSteps;
        }
    }

    __syncthreads();
    for (int e = threadIdx.x; e < rows * TileRows; e += blockDim.x) {
        int r = e / TileRows, out = e % TileRows;
        if (at.firstOut + out >= outDim) continue;
        float total = 0;
        for (int i = 0; i < a.parts; i++) total += partial[(i * FewRows + r) * Stride + out];
        store_y(a, at.which, firstRow + r, at.firstOut + out, total);
    }
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_nf4(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<Nf4Rows<false>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_wide(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<Nf4Rows<false>, 2, 2>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_nf4_nested(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<Nf4Rows<true>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(160, 4) project_rows_nf4_nested_wide(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<Nf4Rows<true>, 2, 2>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_bf16(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<DenseRows<bf16>, 2, 1>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_fp16(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<DenseRows<half>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_fp32(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<DenseRows<float>, 1, 1>(a);
}

extern "C" __global__ void __launch_bounds__(1024) project_rows_any(const __grid_constant__ ProjectRowsArgs a) {
    after_previous_kernel();
    project_few<AnyRows, 1, 1>(a);
}
