#pragma once
// Clusters of blocks, which see each other's shared memory. From sm_90 on; for older devices the functions do nothing, so that files with
// kernels of both kinds compile.
#include "ptx.cuh"

// What this thread did before it arrives is visible to all that waited.
__device__ __forceinline__ void cluster_arrive() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");
#endif
}

// Of threads that have nothing to show yet: they do not wait for their own writes.
__device__ __forceinline__ void cluster_arrive_relaxed() {
#if __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ >= 12
    asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#else
    cluster_arrive();
#endif
}

__device__ __forceinline__ void cluster_wait() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
#endif
}

// Where a block of the cluster has this address of shared memory.
__device__ __forceinline__ uint32 address_in_block(uint32 shared, int block) {
#if __CUDA_ARCH__ >= 900
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(shared) : "r"(shared), "r"(block));
#endif
    return shared;
}

__device__ __forceinline__ uint32 address_in_block(const void* shared, int block) {
    return address_in_block(shared_address(shared), block);
}

// Stays between the barriers around it.
__device__ __forceinline__ float load_from_block(uint32 address) {
    float x = 0;
#if __CUDA_ARCH__ >= 900
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(address));
#endif
    return x;
}
