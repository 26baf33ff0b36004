#pragma once
// Products of warpgroups, 4 warps, whose right factor lies in shared memory. On sm_90 alone, compiled for sm_90a.
#include "ptx.cuh"

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
constexpr bool HasWarpgroups = true;
#else
constexpr bool HasWarpgroups = false;
#endif

// What this thread wrote to shared memory is seen by products that a barrier separates from it.
__device__ __forceinline__ void show_to_warpgroups() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// Before the first product of sums that other instructions have used.
__device__ __forceinline__ void warpgroup_begin() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

// Makes a group of the products since the last one.
__device__ __forceinline__ void warpgroup_group() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

// Waits until at most Groups groups of products are under way.
template <int Groups>
__device__ __forceinline__ void warpgroup_wait() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
#endif
}

// Ends the products that are under way.
__device__ __forceinline__ void warpgroup_end() {
    warpgroup_group();
    warpgroup_wait<0>();
}

// Names lines of 128 bytes, rows of 64 columns of 16 bits, whose 8 chunks are interchanged by the row's last three bits; from a multiple of
// 1,024 bytes on, or from a multiple of 32 in the first line.
__device__ __forceinline__ uint64 warpgroup_lines(uint32 address) {
    constexpr uint32 EightRows = 1024 >> 4, Interchanged = 1;
    return (uint64)(EightRows | Interchanged << 30) << 32 | (address >> 4 | 1u << 16); // addresses have 18 bits
}

// The lines of so many bytes later, a multiple of 16.
__device__ __forceinline__ uint64 later_lines(uint64 lines, uint32 bytes) {
    return lines & 0xffffffff00000000ull | (uint32)lines + (bytes >> 4);
}

#ifndef ACTIVATIONS_FLOAT16
#define WARPGROUP_PRODUCT(n) "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 "
#else
#define WARPGROUP_PRODUCT(n) "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.f16.f16 "
#endif
#define FOUR(c) "+f"((c)[0]), "+f"((c)[1]), "+f"((c)[2]), "+f"((c)[3])
#define SIXTEEN(c) FOUR((c)[0]), FOUR((c)[1]), FOUR((c)[2]), FOUR((c)[3])
#define FRAGMENT(a) "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3])

// c[64, 8 · NTiles] += a[64, 16] · b[8 · NTiles, 16]ᵀ in fp32, or = where not add, still under way until warpgroup_end(). Each warp has the
// fragments of mma, of its 16 rows: a, which must not change meanwhile, and tile n of c, 8 columns from 8n on.
__device__ __forceinline__ void warpgroup_multiply(float (&c)[4][4], const uint32 (&a)[4], uint64 b, bool add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("{.reg .pred p; setp.ne.s32 p, %21, 0;\n" WARPGROUP_PRODUCT("32")
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, %19}, %20, p, 1, 1, 0;}"
        : SIXTEEN(c) : FRAGMENT(a), "l"(b), "r"((int)add));
#endif
}

__device__ __forceinline__ void warpgroup_multiply(float (&c)[8][4], const uint32 (&a)[4], uint64 b, bool add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("{.reg .pred p; setp.ne.s32 p, %37, 0;\n" WARPGROUP_PRODUCT("64")
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, "
        "%27, %28, %29, %30, %31}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;}"
        : SIXTEEN(c), SIXTEEN(c + 4) : FRAGMENT(a), "l"(b), "r"((int)add));
#endif
}

__device__ __forceinline__ void warpgroup_multiply(float (&c)[16][4], const uint32 (&a)[4], uint64 b, bool add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("{.reg .pred p; setp.ne.s32 p, %69, 0;\n" WARPGROUP_PRODUCT("128")
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, "
        "%27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, "
        "%52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, {%64, %65, %66, %67}, %68, p, 1, 1, 0;}"
        : SIXTEEN(c), SIXTEEN(c + 4), SIXTEEN(c + 8), SIXTEEN(c + 12) : FRAGMENT(a), "l"(b), "r"((int)add));
#endif
}
