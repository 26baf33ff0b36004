#pragma once
// Joins the results of chunks, in their order: those of one block as it goes, those of several by the last block that ends.
#include "cached_tile.cuh"
#include "cached_words.cuh"

// Joins a chunk's result with that of the chunks before it.
struct Joint {
    float top = -infinity(), before, with; // factors of what was before and of the chunk

    __device__ __forceinline__ void add(float chunkTop) {
        float larger = fmaxf(top, chunkTop);
        before = exp2_approx(top - larger);
        with = exp2_approx(chunkTop - larger);
        top = larger;
    }
};

// Rounded as written, in whichever block. A chunk of factor 0 leaves no trace.
__device__ __forceinline__ float join(float sum, float before, float chunk, float with) {
    sum = __fmul_rn(sum, before);
    return with == 0 ? sum : __fmaf_rn(chunk, with, sum);
}

// Where valid, past the first cache, as other blocks wrote it; in the order written, without branches, so that several are under way.
__device__ __forceinline__ void load_result(bool valid, const float2* source, float2& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %3, 0; @p ld.global.cg.v2.f32 {%0, %1}, [%2];}"
        : "+f"(x.x), "+f"(x.y) : "l"(source), "r"((int)valid));
}

__device__ __forceinline__ void load_result(bool valid, const float* source, float4& x) {
    asm volatile("{.reg .pred p; setp.ne.s32 p, %5, 0; @p ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4];}"
        : "+f"(x.x), "+f"(x.y), "+f"(x.z), "+f"(x.w) : "l"(source), "r"((int)valid));
}

// The rows' results, of all chunks that they see; chunk `begin` of the text is the first that is stored.
template <int D, bool Wide, bool Copies>
__device__ __forceinline__ void join_chunks(const CachedAttentionArgs& a, const Tile& tile, int begin) {
    constexpr int AtOnce = 8; // chunks whose loads are under way together
    for (int i = threadIdx.x; i < tile.count() * (D / 4); i += blockDim.x) {
        int query = i / (D / 4), dim = i % (D / 4) * 4;
        const float2* tops = a.tops + tile.place(a, query) * a.chunks;
        const float* sums = a.sums + tile.place(a, query) * a.chunks * D + dim;
        int end = (tile.end(query) - 1) / ChunkLength + 1 - begin;
        Joint joint;
        float x[4] = {}, total = 0;
        for (int chunk = tile.first(a, query) / ChunkLength - begin; chunk < end; chunk += AtOnce) {
            float2 top[AtOnce];
            float4 part[AtOnce];
#pragma unroll
            for (int c = 0; c < AtOnce; c++) {
                top[c] = make_float2(-infinity(), 0); // of a chunk that is not there: factor 0
                part[c] = make_float4(0, 0, 0, 0);
                load_result(chunk + c < end, tops + chunk + c, top[c]);
                load_result(chunk + c < end, sums + (int64)chunk * D + c * D, part[c]);
            }

#pragma unroll
            for (int c = 0; c < AtOnce; c++) {
                joint.add(top[c].x);
                total = join(total, joint.before, top[c].y, joint.with);
                x[0] = join(x[0], joint.before, part[c].x, joint.with);
                x[1] = join(x[1], joint.before, part[c].y, joint.with);
                x[2] = join(x[2], joint.before, part[c].z, joint.with);
                x[3] = join(x[3], joint.before, part[c].w, joint.with);
            }
        }

#pragma unroll
        for (int j = 0; j < 4; j++) x[j] = x[j] / total;
        int64 place = tile.place(a, query) * a.headDim + dim;
        store_words<Wide, 2>(a.o + place, a.headDim - dim, x);
        if constexpr (Copies) {
            a.copy.store(place, pack(x[0], x[1]));
            a.copy.store(place + 2, pack(x[2], x[3]));
        }
    }
}
