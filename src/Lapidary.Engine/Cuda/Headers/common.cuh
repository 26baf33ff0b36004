// Common code of all kernels. Kernels include no CUDA header: only NVRTC's built-ins and this file.
// Conventions: a kernel takes one struct by value, which the C# struct of the same name mirrors, and begins with after_previous_kernel();
// addresses are 64-byte aligned unless the kernel's head says otherwise; sums are fp32.
#pragma once

typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef unsigned long long uint64;
typedef long long int64;

constexpr int WARP = 32;
constexpr uint32 FULL_MASK = 0xFFFFFFFFu;

// The first statement of every kernel, but for those that load weights before it. From sm_90 on a kernel launches while its predecessor
// finishes (programmatic dependent launch, see Launcher.Launch). This call keeps their order: it returns when the predecessor has ended and
// its writes are visible, and since all kernels wait, all earlier ones have ended too. Parameters may be read before it; global memory may
// not, not even by a prefetch, but for weights, and slots and positions of tokens, by load_weight: no kernel of a step writes them. After
// it, loads that assume memory to be constant during the kernel (__ldg, ld.global.nc, const __restrict__) must not read such memory either:
// they ignore this order.
__device__ __forceinline__ void after_previous_kernel() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel launch as soon as all blocks of this one have called it, where there is room: it then has its tables and first
// weights when its wait ends. For the short kernels of decoding. The end of a kernel still means the end of all before it, since each ends
// after its own wait. A kernel calls it after that wait, but for norms: blocks that wait long take room from others.
__device__ __forceinline__ void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ __forceinline__ float infinity() { return __uint_as_float(0x7F800000u); }

__device__ __forceinline__ float not_a_number() { return __uint_as_float(0x7FC00000u); }

// The upper half of a binary32.
struct bf16 {
    uint16 bits;
};

// binary16.
struct half {
    uint16 bits;
};

// `act`: the type of activations and of the factors of products. `wide`: that of the residual stream, of its gradient, and of products'
// results that a norm takes. ACTIVATIONS_FLOAT16 chooses fp16 with an fp32 stream, whose values leave fp16's range; without it both are
// bf16.
#ifdef ACTIVATIONS_FLOAT16
typedef half act;
typedef float wide;
typedef bf16 other_act; // the other type of 16 bits that weights may have
enum : bool { IsWide = true };
#else
typedef bf16 act;
typedef bf16 wide;
typedef half other_act;
enum : bool { IsWide = false };
#endif

// LoRA's B in products is multiplied by this, and what multiplies it divided: B begins at 0, and fp16 has few small numbers.
__device__ constexpr float factor_of_b() { return IsWide ? 64.0f : 1.0f; }

// Two neighbours, the first in the lower half.
struct alignas(4) act2 {
    act x, y;
};

// 16 bytes, one access.
struct alignas(16) act8 {
    act2 pair[4];
};

// Blocks of some threads that a multiprocessor holds, where `blocks` are wanted, for launch bounds: before sm_80 it holds 1,024 threads.
__device__ constexpr int at_most(int blocks, int threads) {
#if __CUDA_ARCH__ < 800
    return blocks * threads <= 1024 ? blocks : 1024 / threads;
#else
    return blocks;
#endif
}

__device__ __forceinline__ int round_up8(int x) { return (x + 7) & ~7; }

__device__ __forceinline__ float to_float(float x) { return x; }

__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float((uint32)x.bits << 16); }

// Nearest, ties to even; one instruction since sm_80.
__device__ __forceinline__ bf16 to_bf16(float x) {
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

__device__ __forceinline__ half to_half(float x) {
    half y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

__device__ __forceinline__ float to_float(half x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

// A store of an fp32 value as the element's type.
__device__ __forceinline__ void store(float* p, float x) { *p = x; }

__device__ __forceinline__ void store(bf16* p, float x) { *p = to_bf16(x); }

__device__ __forceinline__ void store(half* p, float x) { *p = to_half(x); }

// Rounded to the type of activations; beyond fp16's range infinite, never the largest number: what overflows must show.
__device__ __forceinline__ act to_act(float x) {
    act y;
    store(&y, x);
    return y;
}

// A value as the residual stream stores it.
__device__ __forceinline__ float as_wide(float x) {
    wide y;
    store(&y, x);
    return to_float(y);
}

// Element types as C#'s DType numbers them.
enum DType : int { FLOAT32 = 0, BFLOAT16 = 1, FLOAT16 = 2 };

// An element of an array whose type is known only at run time.
__device__ __forceinline__ float load(const void* p, int dtype, int64 i) {
    return dtype == FLOAT32 ? ((const float*)p)[i] : dtype == BFLOAT16 ? to_float(((const bf16*)p)[i]) : to_float(((const half*)p)[i]);
}

// The same value in every lane; the order of the sum is fixed.
template <typename T>
__device__ __forceinline__ T warp_sum(T x) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(FULL_MASK, x, offset);
    return x;
}

__device__ __forceinline__ float warp_max(float x) {
    for (int offset = WARP / 2; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(FULL_MASK, x, offset));
    return x;
}

// The same value in every thread of a block of whole warps, at most 1024 threads; the order of the sum is fixed.
__device__ __forceinline__ float block_sum(float x) {
    __shared__ float partial[WARP];
    int warps = blockDim.x / WARP;
    x = warp_sum(x);
    __syncthreads();
    if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_sum(threadIdx.x % WARP < warps ? partial[threadIdx.x % WARP] : 0.0f);
}

__device__ __forceinline__ float block_max(float x) {
    __shared__ float partial[WARP];
    int warps = blockDim.x / WARP;
    x = warp_max(x);
    __syncthreads();
    if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_max(threadIdx.x % WARP < warps ? partial[threadIdx.x % WARP] : -infinity());
}

// The thread's flat index; 64 bits because tensors may have more than 2^31 elements.
__device__ __forceinline__ int64 thread_index() { return (int64)blockIdx.x * blockDim.x + threadIdx.x; }

__device__ __forceinline__ int64 thread_count() { return (int64)gridDim.x * blockDim.x; }

// The mixer and keys of Ops/Dropout.cs, bit for bit.
__device__ __forceinline__ uint32 dropout_mix(uint32 x) {
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

__device__ __forceinline__ uint32 dropout_key(int64 seed, int stream) {
    return dropout_mix((uint32)seed ^ dropout_mix((uint32)((uint64)seed >> 32) ^ dropout_mix((uint32)stream + 0x9E3779B9u)));
}
