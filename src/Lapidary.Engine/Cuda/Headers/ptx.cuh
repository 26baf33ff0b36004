#pragma once
// The instructions that CUDA C++ has no name for without its headers. sm_75 and later; sm_80 and later with bf16.

#include "common.cuh"

// An address in shared memory as instructions take it.
__device__ __forceinline__ uint32 shared_address(const void* shared) { return (uint32)__cvta_generic_to_shared(shared); }

// Two floats rounded to a type of 16 bits in one word, the first in the low half.
template <typename T>
__device__ __forceinline__ uint32 pack_as(float low, float high);

template <>
__device__ __forceinline__ uint32 pack_as<bf16>(float low, float high) {
    uint32 packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

template <>
__device__ __forceinline__ uint32 pack_as<half>(float low, float high) {
    uint32 packed;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
#else
    asm("{.reg .b16 low, high; cvt.rn.f16.f32 low, %1; cvt.rn.f16.f32 high, %2; mov.b32 %0, {low, high};}"
        : "=r"(packed) : "f"(low), "f"(high));
#endif
    return packed;
}

__device__ __forceinline__ uint32 pack(float low, float high) { return pack_as<act>(low, high); }

// The two of a word.
template <typename T>
__device__ __forceinline__ void unpack(uint32 word, float& low, float& high);

template <>
__device__ __forceinline__ void unpack<bf16>(uint32 word, float& low, float& high) {
    low = __uint_as_float(word << 16);
    high = __uint_as_float(word & 0xffff0000u);
}

template <>
__device__ __forceinline__ void unpack<half>(uint32 word, float& low, float& high) {
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high;}"
        : "=f"(low), "=f"(high) : "r"(word));
}

// 2^x, off by 2 ulp at most; 0 for −∞ and for results below the normal range.
__device__ __forceinline__ float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Loads of what is read once, past the first cache. Volatile: loads that stand before the first use of any stay there, all under way at
// once.
__device__ __forceinline__ void load_once(const void* source, uint32& x) {
    asm volatile("ld.global.L1::no_allocate.u32 %0, [%1];" : "=r"(x) : "l"(source));
}

__device__ __forceinline__ void load_once(const void* source, uint4& x) {
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(source));
}

// Loads of weights, or of other inputs that no kernel of a step writes. They may stand before after_previous_kernel(): what they read must
// not be written by the kernel just before. Their comments tell a test so.
__device__ __forceinline__ void load_weight(const void* source, uint4& x) {
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4]; // weight"
        : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(source));
}

__device__ __forceinline__ void load_weight(const float* source, float& x) {
    asm volatile("ld.global.f32 %0, [%1]; // weight" : "=f"(x) : "l"(source));
}

__device__ __forceinline__ void load_weight(const int* source, int& x) {
    asm volatile("ld.global.s32 %0, [%1]; // weight" : "=r"(x) : "l"(source));
}

__device__ __forceinline__ void load_weight(const uint8* source, uint32& x) {
    asm volatile("ld.global.u8 %0, [%1]; // weight" : "=r"(x) : "l"(source));
}

__device__ __forceinline__ void load_weight(const uint16* source, uint16& x) {
    asm volatile("ld.global.u16 %0, [%1]; // weight" : "=h"(x) : "l"(source));
}

// Loads where valid, without a branch; leaves x as it is, and reads nothing, elsewhere. In the order written, as above.
__device__ __forceinline__ void load_if(bool valid, const void* source, uint32& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %2, 0; @p ld.global.u32 %0, [%1];}" : "+r"(x) : "l"(source), "r"((int)valid));
}

__device__ __forceinline__ void load_if(bool valid, const void* source, uint2& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %3, 0; @p ld.global.v2.u32 {%0, %1}, [%2];}"
        : "+r"(x.x), "+r"(x.y) : "l"(source), "r"((int)valid));
}

__device__ __forceinline__ void load_if(bool valid, const void* source, uint4& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %5, 0; @p ld.global.v4.u32 {%0, %1, %2, %3}, [%4];}"
        : "+r"(x.x), "+r"(x.y), "+r"(x.z), "+r"(x.w) : "l"(source), "r"((int)valid));
}

// load_if of what load_weight may load.
__device__ __forceinline__ void load_weight_if(bool valid, const void* source, uint4& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %5, 0; @p ld.global.v4.u32 {%0, %1, %2, %3}, [%4]; // weight\n}"
        : "+r"(x.x), "+r"(x.y), "+r"(x.z), "+r"(x.w) : "l"(source), "r"((int)valid));
}

// Adds 1 and returns what was there. After a barrier of the block: what its threads have written is visible to a block that counts later,
// after a barrier of its own, by __ldcg.
__device__ __forceinline__ uint32 count_arrival(uint32* arrivals) {
    uint32 before;
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;" : "=r"(before) : "l"(arrivals) : "memory");
    return before;
}

// Waits until so many have arrived, whose writes are then visible after a barrier of this block, by __ldcg; false after some 20 µs without.
__device__ __forceinline__ bool wait_for_arrivals(const uint32* arrivals, int count) {
    constexpr int64 Cycles = 40000;
    for (int64 start = clock64();;) {
        uint32 found;
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(found) : "l"(arrivals) : "memory");
        if (found >= (uint32)count) return true;
        if (clock64() - start > Cycles) return false;
    }
}

// A barrier of a block's first Threads threads, whole warps.
template <int Threads>
__device__ __forceinline__ void sync_threads() {
    asm volatile("bar.sync 1, %0;" ::"n"(Threads) : "memory");
}

// Whether this block is the last of some to arrive, which then sees what all have written, by __ldcg, and sets the counter back. By all
// threads of a block; isLast is shared.
__device__ __forceinline__ bool is_last_block(uint32* arrivals, int blocks, bool& isLast) {
    __syncthreads();
    if (threadIdx.x == 0) {
        isLast = count_arrival(arrivals) == (uint32)blocks - 1;
        if (isLast) *arrivals = 0;
    }

    __syncthreads();
    return isLast;
}

// Two floats at an address in shared memory, for address arithmetic in 32 bits. Stays behind the barrier before it.
__device__ __forceinline__ float2 load_shared2(uint32 address) {
    float2 x;
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(x.x), "=f"(x.y) : "r"(address));
    return x;
}

// The same of four words.
__device__ __forceinline__ uint4 load_shared4(uint32 address) {
    uint4 x;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(address));
    return x;
}

// Byte i of a word, in one instruction for any i.
__device__ __forceinline__ uint32 select_byte(uint32 word, int i) {
    uint32 byte;
    asm("prmt.b32 %0, %1, 0, %2;" : "=r"(byte) : "r"(word), "r"(0x4440 + i));
    return byte;
}

// Copies 16 bytes to shared memory without waiting; writes zeros, and reads nothing, where not valid. Before sm_80 the thread waits for
// what it loads and stores it itself, and the barriers that make copies visible make its stores so.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ < 800
    uint4 x = {};
    load_if(valid, global, x);
    *(uint4*)shared = x;
#else
    uint32 address = shared_address(shared);
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
#endif
}

// cp_async16 of weights, which may stand before after_previous_kernel() as load_weight may.
__device__ __forceinline__ void cp_async16_weight(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ < 800
    cp_async16(shared, global, valid);
#else
    uint32 address = shared_address(shared);
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2; // weight" ::"r"(address), "l"(global), "r"(bytes) : "memory");
#endif
}

// Ends a group of this thread's copies.
__device__ __forceinline__ void cp_async_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most Groups groups of this thread's copies are under way; a barrier after it makes those of all threads visible.
template <int Groups>
__device__ __forceinline__ void cp_async_wait_groups() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#endif
}

// Waits for this thread's copies; a barrier after it makes those of all threads visible.
__device__ __forceinline__ void cp_async_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// Loads four 8×8 matrices of 16-bit elements. Lanes 8i to 8i + 7 name the rows of matrix i; lane l receives elements 2(l % 4) and the next
// of row l / 4.
__device__ __forceinline__ void ldmatrix_x4(uint32 (&x)[4], const act* row) {
    uint32 address = shared_address(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
}

// ldmatrix_x4 with each matrix transposed.
__device__ __forceinline__ void ldmatrix_x4_trans(uint32 (&x)[4], const act* row) {
    uint32 address = shared_address(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
}

// c[16, 8] += a[16, 16] · b[16, 8] in fp32. With g = lane / 4 and t = lane % 4: c holds rows g (0, 1) and g + 8 (2, 3), columns 2t and 2t +
// 1; a holds rows g and g + 8 at columns 2t (0, 1), then at 2t + 8 (2, 3); b holds column g, rows 2t (b0) and 2t + 8 (b1), two elements
// each. Before sm_80 the instruction has half of the columns, and there are two: the same fragments, one rounding more.
__device__ __forceinline__ void mma(float (&c)[4], const uint32 (&a)[4], uint32 b0, uint32 b1) {
#ifndef ACTIVATIONS_FLOAT16
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#elif __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}
