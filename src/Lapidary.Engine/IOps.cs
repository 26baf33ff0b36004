namespace Lapidary.Engine;

/// <summary>The operations that a step consists of. Every backend implements them. Each has its formula, shapes, the values that the
/// backward step needs, and the precision of its sums. Inputs precede outputs.</summary>
/// <remarks>
/// <para>Rows are tokens. A batch is a sequence of documents, one after the other; packed rows, unpacked rows and a single prompt differ
/// only in <c>documentStarts</c>. Activations have the backend's <see cref="IBackend.ActivationDType"/>; the residual stream, its gradient,
/// and what a norm takes and adds to it have its <see cref="IBackend.ResidualDType"/>; norms, softmax, loss and reductions are computed in
/// fp32.</para>
/// <para>Gradients. The parameter <c>add</c> says whether an output gradient is overwritten (false, for the first writer) or added to
/// (true). Gradients of trained parameters (<c>dTable</c>, <c>dA</c>, <c>dB</c>, <c>dWeight</c>) are fp32 and are always added to.</para>
/// <para>Determinism. The same inputs give the same bits, whatever the number of threads.</para>
/// </remarks>
public interface IOps
{
    /// <summary>Sets every byte to zero.</summary>
    void Zero(Tensor tensor);

    /// <summary>target = target + source, elementwise; same shape and type.</summary>
    void Add(Tensor source, Tensor target);

    /// <summary>y[t] = table[ids[t]] · scale.</summary>
    /// <param name="ids">Int32 [tokens], each in [0, vocabulary).</param>
    /// <param name="table">[vocabulary, hidden], fp32, bf16 or fp16.</param>
    /// <param name="scale">Gemma's √hidden, already rounded to the model's type.</param>
    /// <param name="y">[tokens, hidden], of the residual stream's type.</param>
    void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y);

    /// <summary>dTable[ids[t]] += dy[t] · scale, rows summed in token order; dy of the residual stream's type.</summary>
    void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable);

    /// <summary>y = residual + x · rstd · (1 + w) over the last axis, rstd = rsqrt(mean(x²) + ε); residual may be null.</summary>
    /// <param name="x">[rows, dim], of the residual stream's type.</param>
    /// <param name="weight">[dim], fp32, bf16 or fp16.</param>
    /// <param name="residual">[rows, dim], of the same type, or null.</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <param name="y">[rows, dim]: an activation; with a residual, of the stream's type.</param>
    /// <param name="rstd">fp32 [rows], saved for the backward step.</param>
    /// <param name="next">The weight of the next product with y, for which the backend may prepare it; null if nothing is known of it. No
    /// bits depend on it.</param>
    /// <remarks>Source: arXiv:1910.07467; (1 + w) as in transformers' Gemma3RMSNorm.</remarks>
    void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null);

    /// <summary>With g = dy · (1 + w): dx = rstd · (g − x · rstd² · mean(g · x)) where dx is not null, and dWeight += Σ dy · x · rstd over
    /// the rows where dWeight is not null. The residual's gradient is dy itself. With a residual, dy has the stream's type and dx is an
    /// activation, because a product takes it; without one it is the other way round.</summary>
    void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight);

    /// <summary>y = x · Wᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">[out, in]: NF4, fp32, bf16 or fp16.</param>
    /// <param name="y">[tokens, out], in the activations' type, or fp32: logits to sample from.</param>
    void LinearForward(Tensor x, Tensor weight, Tensor y);

    /// <summary>dx = dy · W.</summary>
    void LinearBackward(Tensor dy, Tensor weight, Tensor dx, bool add);

    /// <summary>Layers that read the same input: xaᵢ = dropoutᵢ(x) · Aᵢᵀ; yᵢ = x · Wᵢᵀ + sᵢ · xaᵢ · Bᵢᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="projections">W [out, in] and, where adapted, A [r, in], B [out, r], s and the dropout.</param>
    /// <param name="xas">[tokens, r] each, saved for the backward step, in a scale of the backend's; null for a layer without an
    /// adapter.</param>
    /// <param name="ys">[tokens, out] each, overwritten: activations, or of the residual stream's type for a norm.</param>
    /// <param name="isPrompt">Whether no row's bits may depend on the number of rows, one of <see cref="IBackend.PromptRows"/>.</param>
    /// <remarks>Source: arXiv:2106.09685 as PEFT computes it. The hash of <see cref="Dropout"/> selects the elements that dropout keeps, as
    /// x / (1 − p).</remarks>
    void ProjectForward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, bool isPrompt = false);

    /// <summary>dBᵢ += sᵢ · dyᵢᵀ · xaᵢ; dxaᵢ = sᵢ · dyᵢ · Bᵢ; dAᵢ += dxaᵢᵀ · dropoutᵢ(x); dWᵢ += dyᵢᵀ · x where the layer itself is
    /// trained; dx = Σ dyᵢ · Wᵢ + dropoutᵢᵀ(dxaᵢ · Aᵢ) where dx is not null.</summary>
    void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add);

    /// <summary>cos and sin of position · inverseFrequencies, for all layers of one kind.</summary>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="inverseFrequencies">fp32 [headDim / 2].</param>
    /// <param name="cos">fp32 [tokens, headDim / 2].</param>
    /// <param name="sin">fp32 [tokens, headDim / 2].</param>
    void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin);

    /// <summary>Per head n = x · rstd · (1 + w), then pairs (j, j + headDim/2) rotate: y₁ = n₁·cos − n₂·sin, y₂ = n₂·cos +
    /// n₁·sin.</summary>
    /// <param name="x">[tokens, heads · headDim].</param>
    /// <param name="weight">[headDim]: q_norm or k_norm.</param>
    /// <param name="cos">From <see cref="RopeTable"/>.</param>
    /// <param name="sin">From <see cref="RopeTable"/>.</param>
    /// <param name="epsilon">rms_norm_eps.</param>
    /// <param name="y">[tokens, heads · headDim].</param>
    /// <param name="rstd">fp32 [tokens · heads], saved for the backward step.</param>
    void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd);

    /// <summary>Rotates dy back, then applies <see cref="RmsNormBackward"/> per head: dWeight sums over tokens and heads. dx is
    /// overwritten.</summary>
    void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight);

    /// <summary>o = softmax(s · q · kᵀ) · v per head over the visible keys: token j is visible to token i iff
    /// documentStarts[i] ≤ j ≤ i and i − j &lt; window.</summary>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">Like k.</param>
    /// <param name="documentStarts">Int32 [tokens]: index of the first token of each token's document.</param>
    /// <param name="shape">Heads, kvHeads, headDim, window and s.</param>
    /// <param name="o">[tokens, heads · headDim].</param>
    /// <param name="lse">fp32 [heads, tokens]: log Σ exp of the scaled scores, saved.</param>
    /// <remarks>Source: arXiv:2205.14135. fp32 scores and softmax; masked blocks are skipped, never computed.</remarks>
    void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse);

    /// <summary>With P = exp(s·q·kᵀ − lse), D = Σ dO·O per row, dS = P ∘ (dO·vᵀ − D): dq = s·dS·k; dk = s·dSᵀ·q; dv = Pᵀ·dO.
    /// dq, dk and dv are overwritten; dk and dv sum over the query heads of their group.</summary>
    void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv);

    /// <summary>y = gelu_tanh(gate) · up, gelu_tanh(g) = ½·g·(1 + tanh(√(2/π)·(g + 0.044715·g³))).</summary>
    void GeGluForward(Tensor gate, Tensor up, Tensor y);

    /// <summary>dGate = dy · up · gelu_tanh′(gate); dUp = dy · gelu_tanh(gate); both overwritten. dGate may be gate, and dUp up.</summary>
    void GeGluBackward(Tensor dy, Tensor gate, Tensor up, Tensor dGate, Tensor dUp);

    /// <summary>Head, loss and gradient in one operation: losses[t] = logsumexp(z) − z[labels[t]] for z = h[t] · Wᵀ, and dz = (softmax(z) −
    /// onehot(labels[t])) · lossScale, dh[t] = dz · W, dWeight += dzᵀ · h. For tokens without a label, loss and dh are 0 and nothing is
    /// computed (but see <paramref name="maxLabels"/>). Logits are never stored for all tokens.</summary>
    /// <param name="h">[tokens, hidden].</param>
    /// <param name="weight">[vocabulary, hidden]: fp32, bf16 or fp16.</param>
    /// <param name="labels">Int32 [tokens]: the id that token t should predict (already shifted), or <see cref="Label.None"/>.</param>
    /// <param name="lossScale">fp32 [1]: 1 / trained tokens of the whole optimizer step, or a power of two that <see cref="GradientNorm"/>
    /// takes out again.</param>
    /// <param name="losses">fp32 [tokens], in nats, not scaled.</param>
    /// <param name="hits">fp32 [tokens]: 1 where the label has the largest logit, else 0.</param>
    /// <param name="dh">[tokens, hidden], overwritten; null to compute losses alone.</param>
    /// <param name="dWeight">fp32 [vocabulary, hidden], added to, where the head is trained; else null.</param>
    /// <param name="maxLabels">Upper bound on labelled tokens (≥ 1). Work may be done for this many; labels beyond it yield NaN.</param>
    /// <param name="maxLogitsBytes">Upper bound on the fp32 logits in memory, in bytes. Exceeded only if it is below the smallest useful
    /// number of rows. The bits of dWeight depend on it.</param>
    void LinearCrossEntropy(
        Tensor h, Tensor weight, Tensor labels, Tensor lossScale, Tensor losses, Tensor hits, Tensor? dh, Tensor? dWeight, int maxLabels,
        long maxLogitsBytes);

    /// <summary>With n = scale · ‖g‖₂ over all gradients and c = min(1, maxNorm / (n + 1e-6)), which is 1 if maxNorm is 0: result = [n,
    /// scale · c, n · c], the norm before clipping, the factor of an update's gradients, and the norm after clipping.</summary>
    /// <param name="gradients">fp32, all multiplied by the same unknown factor 1 / scale.</param>
    /// <param name="maxNorm">The largest norm of an update.</param>
    /// <param name="scale">fp32 [1], which gives the true gradients; null for 1.</param>
    /// <param name="result">fp32 [3].</param>
    /// <remarks>torch.nn.utils.clip_grad_norm_; squares summed in fp64 over blocks of fixed size.</remarks>
    void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result);

    /// <summary>One AdamW update of one parameter, all fp32: g = dWeight · norm[1]; w −= lr·weightDecay·w; m, v updated; w −= lr / c₁ · m /
    /// (√v / √c₂ + ε). Writes nothing if <see cref="AdamWOptions.Takes"/> refuses norm[2].</summary>
    /// <param name="dWeight">The summed gradient.</param>
    /// <param name="norm">From <see cref="GradientNorm"/>.</param>
    /// <param name="stepScalars">fp32 [3]: learning rate, c₁ = 1 − β₁ᵗ, c₂ = 1 − β₂ᵗ.</param>
    /// <param name="options">β₁, β₂, ε and weight decay.</param>
    /// <param name="weight">Updated in place.</param>
    /// <param name="m">First moment.</param>
    /// <param name="v">Second moment.</param>
    void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v);

    /// <summary>Inference only: layers that read the same input, as in <see cref="ProjectForward"/> without dropout, for the few rows of a
    /// decoding step: yᵢ = x · Wᵢᵀ + sᵢ · (x · Aᵢᵀ) · Bᵢᵀ. A row's bits depend neither on the number of rows nor on the other rows, nor
    /// on whether its adapter is that of the projection or one of its <see cref="Projection.RowAdapters"/>.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="projections">W [out, in] and, where adapted, A [r, in], B [out, r] and s: for all rows, or for each row those of its
    /// adapter.</param>
    /// <param name="ys">[rows, out] each, in the activations' type, or fp32 for logits and, where that is the residual stream's type, for a
    /// norm; overwritten.</param>
    void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys);

    /// <summary>Inference only: y = gelu_tanh(x · Wgᵀ) · (x · Wuᵀ), as <see cref="ProjectRows"/> and then <see cref="GeGluForward"/>, to
    /// the bit.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="gate">Wg [out, in], and its adapter.</param>
    /// <param name="up">Wu [out, in], and its adapter.</param>
    /// <param name="gateY">[rows, out]: room for x · Wgᵀ, which the backend may use.</param>
    /// <param name="upY">The same for x · Wuᵀ.</param>
    /// <param name="y">[rows, out].</param>
    /// <param name="next">As in <see cref="RmsNormForward"/>.</param>
    void ProjectRowsGated(Tensor x, Projection gate, Projection up, Tensor gateY, Tensor upY, Tensor y, Tensor? next = null)
    {
        ProjectRows(x, [gate, up], [gateY, upY]);
        GeGluForward(gateY, upY, y);
    }

    /// <summary>Inference only: h = residual + norm(x) and y = norm(h), as two calls of <see cref="RmsNormForward"/>, to the bit.</summary>
    /// <param name="x">[rows, dim], of the residual stream's type, as the next and h.</param>
    /// <param name="weight">[dim]: of the first norm.</param>
    /// <param name="residual">[rows, dim].</param>
    /// <param name="nextWeight">[dim]: of the second norm.</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <param name="h">[rows, dim].</param>
    /// <param name="y">[rows, dim].</param>
    /// <param name="rstd">fp32 [rows]: room for the backend.</param>
    /// <param name="next">As in <see cref="RmsNormForward"/>.</param>
    void RmsNormPair(
        Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon, Tensor h, Tensor y, Tensor rstd, Tensor? next = null)
    {
        RmsNormForward(x, weight, residual, epsilon, h, rstd);
        RmsNormForward(h, nextWeight, null, epsilon, y, rstd, next);
    }

    /// <summary>Inference only: <see cref="QkNormRopeForward"/> of queries, in place, and of keys, and <see cref="KvAppend"/>, to the
    /// bit.</summary>
    /// <param name="q">[tokens, heads · headDim]; overwritten.</param>
    /// <param name="k">[tokens, kvHeads · headDim]; may be overwritten by anything.</param>
    /// <param name="v">Like k; kept.</param>
    /// <param name="norms">Weights of q_norm and k_norm, and rms_norm_eps.</param>
    /// <param name="rope">From <see cref="RopeTable"/>.</param>
    /// <param name="slots">Int32 [tokens], as in <see cref="KvAppend"/>.</param>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    /// <param name="rstd">fp32 [tokens · the larger number of heads]: room for the backend.</param>
    void QkvToCache(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        Tensor rstd)
    {
        QkNormRopeForward(q, norms.Q, rope.Cos, rope.Sin, norms.Epsilon, q, rstd);
        QkNormRopeForward(k, norms.K, rope.Cos, rope.Sin, norms.Epsilon, k, rstd);
        KvAppend(k, v, slots, positions, keys, values);
    }

    /// <summary>Inference only: stores keys and values of tokens of several texts. The token at position p of a text goes to entry p mod
    /// capacity of the text's slot. No two tokens of a call may go to the same entry.</summary>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">Like k.</param>
    /// <param name="slots">Int32 [tokens]: the slot of each token's text; −1 for a row without a token, of which nothing is stored.</param>
    /// <param name="positions">Int32 [tokens]: each token's position in its text.</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values);

    /// <summary>Inference only: attention of tokens of several texts over the cached positions p of their text with position − window &lt;
    /// p ≤ position. The cache holds these already, the tokens' keys and values included. A row's bits depend only on its query, its
    /// position and these entries.</summary>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="slots">Int32 [tokens], as in <see cref="KvAppend"/>; the output of a row without a token is 0.</param>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    /// <param name="shape">Heads, kvHeads, headDim, window and s.</param>
    /// <param name="o">[tokens, heads · headDim].</param>
    void CachedAttention(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o);

    /// <summary>Inference only: <see cref="QkvToCache"/> and <see cref="CachedAttention"/>, to the bit.</summary>
    /// <param name="q">[tokens, heads · headDim]; may be overwritten by anything.</param>
    /// <param name="k">[tokens, kvHeads · headDim]; may be overwritten by anything.</param>
    /// <param name="v">Like k; kept.</param>
    /// <param name="norms">Weights of q_norm and k_norm, and rms_norm_eps.</param>
    /// <param name="rope">From <see cref="RopeTable"/>.</param>
    /// <param name="slots">Int32 [tokens], as in <see cref="CachedAttention"/>. No kernel of a step may write it.</param>
    /// <param name="positions">Int32 [tokens]. No kernel of a step may write it.</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    /// <param name="shape">Heads, kvHeads, headDim, window and s.</param>
    /// <param name="o">[tokens, heads · headDim].</param>
    /// <param name="rstd">fp32 [tokens · the larger number of heads]: room for the backend.</param>
    /// <param name="next">The weight of the next product with o, as in <see cref="RmsNormForward"/>.</param>
    void QkvAttention(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        AttentionShape shape, Tensor o, Tensor rstd, Tensor? next = null)
    {
        QkvToCache(q, k, v, norms, rope, slots, positions, keys, values, rstd);
        CachedAttention(q, slots, positions, keys, values, shape, o);
    }

    /// <summary>Inference only: indices[t] = index of the largest element of x[t], the first among equals; −1 if x[t] contains NaN or its
    /// largest element is not finite.</summary>
    /// <param name="x">fp32 [tokens, dim].</param>
    /// <param name="indices">Int32 [tokens].</param>
    void ArgMax(Tensor x, Tensor indices);

    /// <summary>Inference only: changes single elements: <see cref="LogitEdit.Of"/>.</summary>
    /// <param name="x">fp32 [rows, dim].</param>
    /// <param name="edits">UInt8 [1 + most edits, <see cref="LogitEdit.LengthBytes"/>]: a <see cref="LogitEdit.Header"/> and edits of
    /// different elements.</param>
    void EditLogits(Tensor x, Tensor edits);

    /// <summary>Inference only: draws an element of each row that is to be drawn from, with probabilities softmax(x[t] / temperature)
    /// limited by top_k, top_p and min_p, as <see cref="TokenDrawer"/> does, to the bit. A row's choice does not depend on other
    /// rows.</summary>
    /// <param name="x">fp32 [rows, dim], dim at most <see cref="TokenDraw.MaxLength"/>.</param>
    /// <param name="draws">UInt8 [rows, <see cref="TokenDraw.LengthBytes"/>]: a <see cref="TokenDraw"/> for each row.</param>
    /// <param name="indices">Int32 [rows]: from <see cref="ArgMax"/>; replaced by the drawn index where one is drawn and it is not −1, or
    /// by <see cref="TokenDraw.Undecided"/> where a device does not decide, or an element is −∞.</param>
    void Draw(Tensor x, Tensor draws, Tensor indices);
}
