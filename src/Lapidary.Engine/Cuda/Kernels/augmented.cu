// A linear layer and its adapter as one product: [x | xa] · [W | s·B]ᵀ forward, dy · [W | s·B] = [dx | dxa] backward. Rows of W and x are padded to
// multiples of 8 elements, and so is every adapter's share, with zeros. A warp per row; 16-byte stores.
#include "nf4.cuh"

__device__ __forceinline__ int round_up8(int x) { return (x + 7) & ~7; }

// --- augmented_weight: y[o] = [w[o] | 0 … | s·b[o] | 0 …]: the adapter's columns begin at `offset` behind w's, of `extra` in all.

struct AugmentedWeightArgs {
    Nf4Matrix nf4;  // where codes is null, w is the weight
    const void* w;  // [rows, dim]
    const float* b; // [rows, r], or null
    bf16* y;        // [rows, round_up8(dim) + extra]
    int rows, dim, dtype, r, offset, extra;
    float scale;
};

extern "C" __global__ void __launch_bounds__(256) augmented_weight(AugmentedWeightArgs a) {
    __shared__ float table[16];
    load_nf4_table(table);
    int64 row = thread_index() / WARP;
    if (row >= a.rows) return;
    int dim = round_up8(a.dim), width = dim + a.extra;
    bf16* y = a.y + row * width;
    for (int column = threadIdx.x % WARP * 8; column < width; column += WARP * 8) {
        float x[8] = {};
        if (column < dim) {
            int64 first = row * a.dim + column;
            if (a.dim % 8 == 0 && a.nf4.codes) decode8(a.nf4, table, first, x);
            else if (a.dim % 8 == 0) load_as(a.w, a.dtype, first, x);
            else {
                for (int j = 0; j < 8 && column + j < a.dim; j++)
                    x[j] = a.nf4.codes ? decode(a.nf4, table, first + j) : load(a.w, a.dtype, first + j);
            }
        } else if (a.b) {
            for (int j = 0; j < 8; j++) {
                int k = column - dim - a.offset + j;
                if (k >= 0 && k < a.r) x[j] = a.scale * a.b[row * a.r + k];
            }
        }

        store(y + column, x);
    }
}

// --- augmented_rows: y[t] = [x[t] | 0 … | xa_0[t] | 0 … | xa_1[t] …].

struct AugmentedRowsArgs {
    const bf16* x; // [rows, dim]
    bf16* y;       // [rows, round_up8(dim) + Σ round_up8(r)]
    const bf16* xas[3];
    int r[3];
    int count, rows, dim, width;
};

extern "C" __global__ void __launch_bounds__(256) augmented_rows(AugmentedRowsArgs a) {
    int64 row = thread_index() / WARP;
    if (row >= a.rows) return;
    int dim = round_up8(a.dim);
    for (int column = threadIdx.x % WARP * 8; column < a.width; column += WARP * 8) {
        const bf16* from = a.x + row * a.dim;
        int at = column, length = a.dim;
        if (column >= dim) {
            at -= dim;
            int i = 0;
            for (; i < a.count - 1 && at >= round_up8(a.r[i]); i++) at -= round_up8(a.r[i]);
            length = a.r[i];
            from = a.xas[i] + row * length;
        }

        uint4 words = make_uint4(0, 0, 0, 0);
        if (length % 8 == 0) words = *(const uint4*)(from + at);
        else {
            for (int j = 0; j < 8 && at + j < length; j++) ((bf16*)&words)[j] = from[at + j];
        }

        *(uint4*)(a.y + row * (int64)a.width + column) = words;
    }
}
