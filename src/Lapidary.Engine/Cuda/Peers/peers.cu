// Grid: sum: a thread per 4 elements (sum_1: per element), 256 to a block, in strides of the grid; rows: a block of 256 threads per id.
// All fp32. Parts and tables of other ranks are in their GPUs' memory. The _4 kernels need parts and rows of whole 16 bytes.
#include "elements.cuh"

struct PeerSumArgs {
    const float* parts[16]; // in the ranks' order, in which they are added
    float* sum;             // may be the own one of them
    int64 count;
    int ranks;
};

template <int N>
__device__ __forceinline__ void sum(const PeerSumArgs& a) {
    constexpr int DEPTH = 4; // loads of a part under way at once
    int64 thread = thread_index() * N, stride = thread_count() * N;
    for (int64 first = thread; first < a.count; first += stride * DEPTH) {
        float total[DEPTH][N];
        for (int rank = 0; rank < a.ranks; rank++) {
            const float* part = a.parts[rank];
            float x[DEPTH][N];
#pragma unroll
            for (int j = 0; j < DEPTH; j++) {
                if (first + j * stride < a.count) load(part + first + j * stride, x[j]);
            }

#pragma unroll
            for (int j = 0; j < DEPTH; j++) {
                for (int n = 0; n < N; n++) total[j][n] = rank == 0 ? x[j][n] : total[j][n] + x[j][n];
            }
        }

#pragma unroll
        for (int j = 0; j < DEPTH; j++) {
            if (first + j * stride < a.count) store(a.sum + first + j * stride, total[j]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) peer_sum_1(const __grid_constant__ PeerSumArgs a) {
    after_previous_kernel();
    sum<1>(a);
}

extern "C" __global__ void __launch_bounds__(256) peer_sum_4(const __grid_constant__ PeerSumArgs a) {
    after_previous_kernel();
    sum<4>(a);
}

struct PeerRowsArgs {
    const int* ids;
    const float* tables[16]; // each is whole; a rank's own part of its table is the one to read
    float* table;
    int64 part, count;
    int columns, rank;
};

// Rows that are asked for twice, or that a copy engine brings meanwhile, are written twice with the same values.
template <int N>
__device__ __forceinline__ void rows(const PeerRowsArgs& a) {
    int64 row = (int64)a.ids[blockIdx.x] * a.columns;
    for (int column = threadIdx.x * N; column < a.columns; column += blockDim.x * N) {
        int64 i = row + column, owner = i / a.part;
        if (i < 0 || i >= a.count || owner == a.rank) continue;
        float x[N];
        load(a.tables[owner] + i, x);
        store(a.table + i, x);
    }
}

extern "C" __global__ void __launch_bounds__(256) peer_rows_1(const __grid_constant__ PeerRowsArgs a) {
    after_previous_kernel();
    rows<1>(a);
}

extern "C" __global__ void __launch_bounds__(256) peer_rows_4(const __grid_constant__ PeerRowsArgs a) {
    after_previous_kernel();
    rows<4>(a);
}
