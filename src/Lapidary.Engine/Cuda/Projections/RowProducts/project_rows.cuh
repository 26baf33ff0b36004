#pragma once
// The weights of project_rows.cu. A weight type takes Run neighbouring columns of a row at once, in pieces of 8; Fetched is a run as it
// lies in memory. Its prepare() writes what it keeps in shared memory; a barrier follows. Every type yields the bf16 values that training
// multiplies with: what nf4_decode.cu and to_bf16.cu write.
#include "nf4.cuh"

struct ProjectRowsArgs {
    const bf16* x;                        // [rows, dim]
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
    int rows, dim, weightType;
};

// The words of 8 elements of a row in bf16, two to a word.
typedef uint32 Piece[4];

template <typename T>
constexpr bool IsHalf = false;
template <>
constexpr bool IsHalf<half> = true;

template <typename T>
struct DenseRows {
    static constexpr int Run = 16;
    static constexpr bool Aligned = true; // dim % 8 == 0
    struct Fetched {
        uint4 words[Run * sizeof(T) / 16];
    };

    const T* weight;

    __device__ __forceinline__ DenseRows(const ProjectRowsArgs& a, int i) : weight((const T*)a.weight[i]) {}

    __device__ __forceinline__ void prepare() const {}

    __device__ __forceinline__ void fetch(int64 row, int column, int dim, Fetched& run) const {
        constexpr int PieceWords = sizeof(T) / 2; // of 16 bytes
        const uint4* from = (const uint4*)(weight + row * dim + column);
#pragma unroll
        for (int i = 0; i < Run / 8; i++) {
#pragma unroll
            for (int j = 0; j < PieceWords; j++) {
                uint4& words = run.words[i * PieceWords + j];
                if (column + 8 * i < dim) load_once(from + i * PieceWords + j, words);
                else words = make_uint4(0, 0, 0, 0);
            }
        }
    }

    __device__ __forceinline__ void decode(const Fetched& run, int piece, Piece& w) const {
        if constexpr (sizeof(T) == 4) {
            uint4 low = piece == 0 ? run.words[0] : run.words[2], high = piece == 0 ? run.words[1] : run.words[3];
            w[0] = pack_bf16(__uint_as_float(low.x), __uint_as_float(low.y));
            w[1] = pack_bf16(__uint_as_float(low.z), __uint_as_float(low.w));
            w[2] = pack_bf16(__uint_as_float(high.x), __uint_as_float(high.y));
            w[3] = pack_bf16(__uint_as_float(high.z), __uint_as_float(high.w));
        } else {
            uint4 words = piece == 0 ? run.words[0] : run.words[1];
            w[0] = to_bf16_pair(words.x), w[1] = to_bf16_pair(words.y), w[2] = to_bf16_pair(words.z), w[3] = to_bf16_pair(words.w);
        }
    }

    __device__ __forceinline__ static uint32 to_bf16_pair(uint32 word) {
        if constexpr (IsHalf<T>) return pack_bf16(to_float(half{(uint16)word}), to_float(half{(uint16)(word >> 16)}));
        else return word;
    }
};

// dim % 32 == 0, so a run has one scale.
template <bool Nested>
struct Nf4Rows {
    static constexpr int Run = 32;
    static constexpr bool Aligned = true;
    struct Fetched {
        uint4 codes;
        float absmax; // of the scale's block under double quantization
        uint32 scaleCode;
    };

    const ProjectRowsArgs& a;
    int i;
    float (&values)[16][WARP]; // shared: every lane has a copy of the table in a bank of its own
    float* scaleValues;        // shared [256]
    uint32 lane;               // shared address of the lane's entry in the table's first row

    __device__ __forceinline__ Nf4Rows(const ProjectRowsArgs& a, int i, float (&values)[16][WARP], float* scaleValues)
        : a(a), i(i), values(values), scaleValues(scaleValues), lane((uint32)__cvta_generic_to_shared(&values[0][threadIdx.x % WARP])) {}

    __device__ __forceinline__ void prepare() const {
        for (int entry = threadIdx.x; entry < 16 * WARP; entry += blockDim.x) values[entry / WARP][entry % WARP] = NF4[entry / WARP];
        if constexpr (Nested) {
            for (int entry = threadIdx.x; entry < 256; entry += blockDim.x) scaleValues[entry] = a.nestedCode[i][entry];
        }
    }

    __device__ __forceinline__ void fetch(int64 row, int column, int dim, Fetched& run) const {
        run.codes = make_uint4(0, 0, 0, 0), run.absmax = 0, run.scaleCode = 0;
        if (column >= dim) return; // x is zero there
        int64 first = row * dim + column;
        uint32 block = (uint32)(first >> a.blockShift[i]);
        load_once((const uint8*)a.weight[i] + (first >> 1), run.codes);
        if constexpr (Nested) {
            run.scaleCode = ((const uint8*)a.absmax[i])[block];
            run.absmax = a.nestedAbsmax[i][block >> NESTED_BLOCK_SHIFT];
        } else run.absmax = ((const float*)a.absmax[i])[block];
    }

    __device__ __forceinline__ void decode(const Fetched& run, int piece, Piece& w) const {
        float scale = Nested ? nested_scale(scaleValues[run.scaleCode], run.absmax, a.offset[i]) : run.absmax;
        uint32 codes = piece == 0 ? run.codes.x : piece == 1 ? run.codes.y : piece == 2 ? run.codes.z : run.codes.w;
#pragma unroll
        for (int j = 0; j < 4; j++) // the even element is the high nibble
            w[j] = pack_bf16(value(codes, 8 * j + 4) * scale, value(codes, 8 * j) * scale);
    }

    // The value of the code at a bit: its row of the table, times 128 bytes, is added to the lane's address.
    __device__ __forceinline__ float value(uint32 codes, int bit) const {
        return load_shared(((bit < 7 ? codes << (7 - bit) : codes >> (bit - 7)) & 0x780) + lane);
    }
};

// Any type and any dim, element by element: slow, for shapes that models hardly have.
struct AnyRows {
    static constexpr int Run = 8;
    static constexpr bool Aligned = false;
    struct Fetched {
        Piece words;
    };

    const ProjectRowsArgs& a;
    int i;

    __device__ __forceinline__ AnyRows(const ProjectRowsArgs& a, int i) : a(a), i(i) {}

    __device__ __forceinline__ void prepare() const {}

    __device__ __forceinline__ void fetch(int64 row, int column, int dim, Fetched& run) const {
        float x[8];
#pragma unroll
        for (int j = 0; j < 8; j++) x[j] = column + j < dim ? element(row * dim + column + j) : 0.0f;
#pragma unroll
        for (int j = 0; j < 4; j++) run.words[j] = pack_bf16(x[2 * j], x[2 * j + 1]);
    }

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
