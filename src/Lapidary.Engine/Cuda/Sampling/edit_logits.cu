// Grid: 256 threads, an edit each. x fp32 [rows, dim], changed in place; no element is changed twice.
#include "common.cuh"

struct Edit {
    int row, id;
    float penalty;
};

struct EditLogitsArgs {
    float* x;
    const Edit* edits; // the first has the number of the others in its row
    int dim;
};

extern "C" __global__ void __launch_bounds__(256) edit_logits(EditLogitsArgs a) {
    after_previous_kernel();
    let_next_kernel_start();
    int64 i = thread_index();
    if (i >= a.edits[0].row) return;
    Edit edit = a.edits[1 + i];
    float* logit = a.x + (int64)edit.row * a.dim + edit.id;
    if (edit.penalty == 0.0f) *logit = -3.402823466e38f;
    else *logit = *logit < 0.0f ? __fmul_rn(*logit, edit.penalty) : __fdiv_rn(*logit, edit.penalty);
}
