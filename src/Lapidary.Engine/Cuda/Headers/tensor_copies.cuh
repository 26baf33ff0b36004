#pragma once
// Copies of boxes of matrices to shared memory, which one thread starts and the hardware makes, and the barriers in shared memory that
// count what has come. A copy may go to several blocks of a cluster. From sm_90 on; used where warpgroups are (warpgroup.cuh).
#include "cluster.cuh"
#include "warpgroup.cuh"

// A matrix and the size of its boxes: CUtensorMap, as TensorMap.cs writes it. What lies outside the matrix is copied as zeros.
struct alignas(64) TensorMap {
    uint64 words[16];
};

typedef uint64 CopyBarrier; // in shared memory, aligned to 8

// A phase of a barrier ends with so many arrivals, and with all bytes that were announced.
__device__ __forceinline__ void barrier_init(CopyBarrier* barrier, int arrivals) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
#endif
}

// What this thread has begun is seen by copies and by the other blocks, after a barrier of the cluster.
__device__ __forceinline__ void show_barriers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

// An arrival that announces bytes of copies.
__device__ __forceinline__ void barrier_expect(CopyBarrier* barrier, int bytes) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
#endif
}

// An arrival at a barrier of a block of the cluster (address_in_block).
__device__ __forceinline__ void barrier_arrive(uint32 barrier) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
#endif
}

// Waits for the end of a phase; parity: 0 for the first, 1 for the second, and so on in turn.
__device__ __forceinline__ void barrier_wait(uint32 barrier, int parity) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    uint32 ended;
    do {
        asm volatile("{.reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p;}"
            : "=r"(ended) : "r"(barrier), "r"(parity) : "memory");
    } while (!ended);
#endif
}

__device__ __forceinline__ void barrier_wait(CopyBarrier* barrier, int parity) { barrier_wait(shared_address(barrier), parity); }

// Starts the copy of a box from this column and row on, to this place in those blocks of the cluster that have a bit in blocks, whose
// barriers at the same place count its bytes.
__device__ __forceinline__ void copy_box(const TensorMap& map, int column, int row, uint32 to, CopyBarrier* barrier, uint32 blocks) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%2, %3}], [%4], %5;"
        ::"r"(to), "l"(&map), "r"(column), "r"(row), "r"(shared_address(barrier)), "h"((uint16)blocks) : "memory");
#endif
}

// copy_box of weights, which may stand before after_previous_kernel() as load_weight may.
__device__ __forceinline__ void copy_box_of_weight(
    const TensorMap& map, int column, int row, uint32 to, CopyBarrier* barrier, uint32 blocks) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1, {%2, %3}], [%4], %5; // weight"
        ::"r"(to), "l"(&map), "r"(column), "r"(row), "r"(shared_address(barrier)), "h"((uint16)blocks) : "memory");
#endif
}

// Registers of each thread of this warpgroup from here on: others take what it gives.
template <int Registers>
__device__ __forceinline__ void give_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

template <int Registers>
__device__ __forceinline__ void take_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}
