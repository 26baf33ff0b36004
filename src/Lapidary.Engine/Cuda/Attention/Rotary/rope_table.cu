// Grid: a thread per element of the table, 256 to a block, in strides of the grid. fp32 angles; single elements, coalesced.
// Angles reach 10⁵ radians: sincosf reduces them exactly, so this file must not be compiled with fast math.
#include "elements.cuh"

struct RopeTableArgs {
    const int* positions;
    const float* inverseFrequencies;
    float* cos;
    float* sin;
    int64 count; // tokens · half
    int half;    // headDim / 2
};

extern "C" __global__ void rope_table(RopeTableArgs a) {
    after_previous_kernel();
    for (int64 i = thread_index(); i < a.count; i += thread_count())
        sincosf(a.positions[i / a.half] * a.inverseFrequencies[i % a.half], a.sin + i, a.cos + i);
}
