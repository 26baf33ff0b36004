#pragma once
// y = x · Wᵀ of up to three weights that read the same rows, on tensor cores. A row's bits depend neither on the number of rows nor on the
// other rows, since all kernels form the sum of an element alike. The weight is the left factor: 16 of its rows and 16 columns to an mma,
// for 8 rows of x. Columns may come in any order that both factors share: lane t of a quad holds a run of neighbours, and an mma takes four
// of each run. A step is the runs of a quad; a part is partSteps neighbouring steps, and what a part adds up is kept apart. A bundle is
// bundleParts neighbouring parts, whose sums are added in their order; an output is the sum of the bundles, in their order. The weight's
// type and number of columns alone decide what parts and bundles are.
//
// A weight type takes Run columns at once, in pieces of 8; Fetched is a run as it lies in memory. Its prepare() fills what it keeps in
// shared memory, Tables; a barrier follows, then complete() of what was fetched. Every type yields the values of type act that training
// multiplies with: what nf4_decode.cu and to_act.cu write. x act, y act or fp32; addresses aligned to 16 where dim is. A type with
// WeightsFirst fetches and prepares before the wait for the previous kernel.
//
// Gated kernels give y = gelu_tanh(gate) · up of weights 0 and 1, both [outDim[0], dim]: of the 16 rows of an mma, 8 are of the gate and 8
// of up, so that a lane has both sums of an output. These are rounded to act, as if they had been stored.
#include "arranged_rows.cuh"
#include "gelu.cuh"
#include "nf4.cuh"

struct ProjectRowsArgs {
    const act* x;                         // [rows, dim]
    const void* weight[3];                // [out, dim]
    void* y[3];                           // [rows, out]
    const void* absmax[3];                // of NF4: as in Nf4Matrix
    const float* nestedAbsmax[3];
    const float* nestedCode[3];
    float offset[3];
    int blockShift[3];
    int outDim[3];
    int tileEnd[3];                       // tiles of the weights up to and with this one
    int yType[3];
    int pitch[3];                         // elements from a row of the weight to the next (tiles)
    int rows, dim, weightType;
    int steps, partSteps, parts, bundleParts, bundles;
    int warpParts;                        // neighbouring parts of a warp (few)
    int sumRows;                          // rows of x in a group: at most 8, fewer if there are no more (few)
    int stages;                           // steps in shared memory (tiles)
    float* partial;                       // [groups of rows, tiles, bundles, outputs of a tile] (split with several bundles)
    uint32* arrivals;                     // [groups of rows, tiles]: blocks that have ended; 0 between launches
    ArrangedCopy copy;                    // of y (gated tiles)
    float* largest;                       // see square_largest.cuh (squares of one weight); null: none
};

constexpr int MaxBundleParts = 4;

// The weight of a block, and its first row of it.
struct BlockTile {
    int which, firstOut;

    __device__ __forceinline__ BlockTile(const ProjectRowsArgs& a, int block, int tileRows) {
        which = block < a.tileEnd[0] ? 0 : block < a.tileEnd[1] ? 1 : 2;
        firstOut = (which == 0 ? block : block - a.tileEnd[which - 1]) * tileRows;
    }
};

__device__ __forceinline__ void store_y(const ProjectRowsArgs& a, int which, int row, int out, float y) {
    int64 to = (int64)row * a.outDim[which] + out;
    if (a.yType[which] == FLOAT32) store((float*)a.y[which] + to, y);
    else store((act*)a.y[which] + to, y);
}

// The activation of a gated kernel, from sums.
__device__ __forceinline__ float gated(float gate, float up) {
    float slope, g = to_float(to_act(gate));
    return to_float(to_act(up)) * (g * gelu_sigmoid(g, slope));
}

// The words of 8 elements of a row of act, two to a word.
typedef uint32 Piece[4];

// 8 elements of a row of x, zeros behind its end.
template <bool Aligned>
__device__ __forceinline__ void load_x(const act* x, int column, int dim, Piece& words) {
#pragma unroll
    for (int j = 0; j < 4; j++) words[j] = 0;
    if (column >= dim) return;
    if constexpr (Aligned) {
        uint4 all = *(const uint4*)(x + column);
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
    } else {
#pragma unroll
        for (int j = 0; j < 8; j++) {
            if (column + j < dim) words[j / 2] |= (uint32)x[column + j].bits << (j % 2 * 16);
        }
    }
}

// sum[16 rows of the weight, 8 of x] += those of a piece of both.
__device__ __forceinline__ void multiply(float (&sum)[4], const Piece& top, const Piece& bottom, const Piece& x) {
    mma(sum, {top[0], bottom[0], top[1], bottom[1]}, x[0], x[1]);
    mma(sum, {top[2], bottom[2], top[3], bottom[3]}, x[2], x[3]);
}

// For weights that need no tables: what follows in shared memory stays aligned.
struct alignas(16) NoTables {
    uint4 none;
};

template <typename T>
constexpr bool IsAct = false;
template <>
constexpr bool IsAct<act> = true;

template <typename T>
struct DenseRows {
    static constexpr int Run = 16;
    static constexpr bool Aligned = true, WeightsFirst = true; // dim % 8 == 0
    struct Fetched {
        uint4 words[Run * sizeof(T) / 16];
    };

    typedef NoTables Tables;
    typedef const T* Row;

    const T* weight;
    int dim;

    __device__ __forceinline__ DenseRows(const ProjectRowsArgs& a, int i, Tables*) : weight((const T*)a.weight[i]), dim(a.dim) {}

    __device__ __forceinline__ void prepare() const {}

    __device__ __forceinline__ Row row(int row) const { return weight + (int64)row * dim; }

    __device__ __forceinline__ void fetch(Row row, int column, Fetched& run) const {
        constexpr int PieceWords = sizeof(T) / 2; // of 16 bytes
        const uint4* from = (const uint4*)(row + column);
#pragma unroll
        for (int i = 0; i < Run / 8; i++) {
#pragma unroll
            for (int j = 0; j < PieceWords; j++) {
                uint4& words = run.words[i * PieceWords + j];
                if (column + 8 * i < dim) load_weight(from + i * PieceWords + j, words);
                else words = make_uint4(0, 0, 0, 0);
            }
        }
    }

    __device__ __forceinline__ void complete(Fetched&) const {}

    __device__ __forceinline__ void decode(const Fetched& run, int piece, Piece& w) const {
        if constexpr (sizeof(T) == 4) {
            uint4 low = piece == 0 ? run.words[0] : run.words[2], high = piece == 0 ? run.words[1] : run.words[3];
            w[0] = pack(__uint_as_float(low.x), __uint_as_float(low.y));
            w[1] = pack(__uint_as_float(low.z), __uint_as_float(low.w));
            w[2] = pack(__uint_as_float(high.x), __uint_as_float(high.y));
            w[3] = pack(__uint_as_float(high.z), __uint_as_float(high.w));
        } else {
            uint4 words = piece == 0 ? run.words[0] : run.words[1];
            w[0] = to_act_pair(words.x), w[1] = to_act_pair(words.y), w[2] = to_act_pair(words.z), w[3] = to_act_pair(words.w);
        }
    }

    __device__ __forceinline__ static uint32 to_act_pair(uint32 word) {
        if constexpr (IsAct<T>) return word;
        else {
            float low, high;
            unpack<T>(word, low, high);
            return pack(low, high);
        }
    }
};

// The values of two codes for every byte, the first that of the high nibble. Half a warp reads 8 bytes per lane at once: each of its lanes
// has a copy in banks of its own.
struct Nf4Pairs {
    static constexpr int Copies = WARP / 2, EntryShift = 7; // log2 of the bytes of an entry's copies
    float2 entries[256][Copies];

    __device__ __forceinline__ void fill() {
        for (int i = threadIdx.x; i < 256 * Copies / 2; i += blockDim.x) { // two copies, 16 bytes, at once
            int entry = i / (Copies / 2);
            float high = NF4[entry >> 4], low = NF4[entry & 15];
            ((float4*)entries)[i] = make_float4(high, low, high, low);
        }
    }
};

template <bool Nested>
struct RowTables {
    Nf4Pairs pairs;
    float scales[Nested ? 256 : 4];
};

// dim % 32 == 0, so a run has one scale.
template <bool Nested>
struct Nf4Rows {
    static constexpr int Run = 32;
    static constexpr bool Aligned = true, WeightsFirst = true;
    struct Fetched {
        uint4 codes;
        float absmax; // at first of the scale's block under double quantization
        uint32 scaleCode;
    };
    typedef RowTables<Nested> Tables;
    typedef uint32 Row; // its first run: a matrix has fewer than 2³² runs

    const uint4* codes;
    const void* absmax;
    const float *nestedAbsmax, *nestedCode;
    float offset;
    int blockShift; // log2 of the runs that share a scale
    int lastColumn; // of a run
    Tables* tables; // shared
    uint32 lane;    // shared address of the lane's copy of the first entry

    __device__ __forceinline__ Nf4Rows(const ProjectRowsArgs& a, int i, Tables* tables)
        : codes((const uint4*)a.weight[i]), absmax(a.absmax[i]), nestedAbsmax(a.nestedAbsmax[i]), nestedCode(a.nestedCode[i]),
          offset(a.offset[i]), blockShift(a.blockShift[i] - 5), lastColumn(a.dim - Run), tables(tables),
          lane(shared_address(&tables->pairs.entries[0][threadIdx.x % Nf4Pairs::Copies])) {}

    __device__ __forceinline__ void prepare() const {
        tables->pairs.fill();
        if constexpr (Nested) {
            for (int entry = threadIdx.x; entry < 256; entry += blockDim.x) load_weight(nestedCode + entry, tables->scales[entry]);
        }
    }

    __device__ __forceinline__ Row row(int row) const { return (uint32)row * (uint32)(lastColumn / Run + 1); }

    __device__ __forceinline__ void fetch(Row row, int column, Fetched& run) const {
        uint32 at = row + (uint32)min(column, lastColumn) / Run, block = at >> blockShift; // x is zero behind the last run
        load_weight(codes + at, run.codes);
        if constexpr (Nested) {
            load_weight((const uint8*)absmax + block, run.scaleCode);
            load_weight(nestedAbsmax + (block >> NESTED_BLOCK_SHIFT), run.absmax);
        } else load_weight((const float*)absmax + block, run.absmax);
    }

    __device__ __forceinline__ void complete(Fetched& run) const {
        if constexpr (Nested) run.absmax = nested_scale(tables->scales[run.scaleCode], run.absmax, offset);
    }

    __device__ __forceinline__ void decode(const Fetched& run, int piece, Piece& w) const {
        uint32 word = piece == 0 ? run.codes.x : piece == 1 ? run.codes.y : piece == 2 ? run.codes.z : run.codes.w;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            float2 pair = load_shared2((select_byte(word, j) << Nf4Pairs::EntryShift) + lane);
            w[j] = pack(pair.x * run.absmax, pair.y * run.absmax);
        }
    }
};

// Any type and any dim, element by element: slow, for shapes that models hardly have.
struct AnyRows {
    static constexpr int Run = 8;
    static constexpr bool Aligned = false, WeightsFirst = false;
    struct Fetched {
        Piece words;
    };

    typedef NoTables Tables;
    typedef int64 Row; // its first element

    const ProjectRowsArgs& a;
    int i;

    __device__ __forceinline__ AnyRows(const ProjectRowsArgs& a, int i, Tables*) : a(a), i(i) {}

    __device__ __forceinline__ void prepare() const {}

    __device__ __forceinline__ Row row(int row) const { return (int64)row * a.dim; }

    __device__ __forceinline__ void fetch(Row row, int column, Fetched& run) const {
        float x[8];
#pragma unroll
        for (int j = 0; j < 8; j++) x[j] = column + j < a.dim ? element(row + column + j) : 0.0f;
#pragma unroll
        for (int j = 0; j < 4; j++) run.words[j] = pack(x[2 * j], x[2 * j + 1]);
    }

    __device__ __forceinline__ void complete(Fetched&) const {}

    __device__ __forceinline__ void decode(const Fetched& run, int piece, Piece& w) const {
#pragma unroll
        for (int j = 0; j < 4; j++) w[j] = run.words[j];
    }

    __device__ __forceinline__ float element(int64 index) const {
        if (a.weightType <= FLOAT16) return load(a.weight[i], a.weightType, index);
        int64 block = index >> a.blockShift[i];
        float scale = a.nestedAbsmax[i] == nullptr ? ((const float*)a.absmax[i])[block]
            : nested_scale(
                a.nestedCode[i][((const uint8*)a.absmax[i])[block]], a.nestedAbsmax[i][block >> NESTED_BLOCK_SHIFT], a.offset[i]);
        return NF4[((const uint8*)a.weight[i])[index >> 1] >> (index % 2 == 0 ? 4 : 0) & 15] * scale;
    }
};
