namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Inference only: the norms and rotation of queries and keys, keys and values into the cache, and attention over
    /// it.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="q">[tokens, heads · headDim]. Nothing else may use q and k.</param>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">Like k.</param>
    /// <param name="norms">q_norm and k_norm.</param>
    /// <param name="rope">The table of the layer's kind.</param>
    /// <param name="slots">Int32 [tokens]: the slot of each token's text; −1 for a row without a token.</param>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    /// <param name="shape">Heads, kvHeads, headDim, window and s.</param>
    /// <param name="next">The weight of the next product with the result, as in <see cref="ProjectGated"/>.</param>
    /// <returns>[tokens, heads · headDim].</returns>
    /// <remarks>One operation where <see cref="Tape.HasIndependentRows"/>. Rows of prompts have many neighbours in their texts, which share
    /// loads of keys and values only once all are in the cache.</remarks>
    /// <exception cref="ShapeException">A last axis is not a multiple of headDim, or the table has another headDim.</exception>
    public static Tensor QkvAttention(
        Tape tape, Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys,
        Tensor values, AttentionShape shape, Tensor? next = null)
    {
        long headDim = norms.Q.Count;
        foreach (var x in (ReadOnlySpan<Tensor>)[q, k, v])
        {
            CheckType(tape.ActivationDType, nameof(QkvAttention), "q, k and v", x);
            Check(x.Shape[^1] % headDim == 0, nameof(QkvAttention), "q, k and v", $"[tokens, a multiple of {headDim}]", x);
        }

        Check(norms.K.Count == headDim, nameof(QkvAttention), nameof(norms), $"[{headDim}]", norms.K);
        Check(rope.Cos.Shape[1] * 2 == headDim, nameof(QkvAttention), nameof(rope), $"[tokens, {headDim / 2}]", rope.Cos);
        Tensor o = tape.New(q.Shape), rstd = tape.New(DType.Float32, Math.Max(q.Count, k.Count) / headDim);
        if (tape.HasIndependentRows)
        {
            tape.Run(ops => ops.QkvAttention(q, k, v, norms, rope, slots, positions, keys, values, shape, o, rstd, next));
            return o;
        }

        tape.Run(ops => ops.QkvToCache(q, k, v, norms, rope, slots, positions, keys, values, rstd));
        tape.Run(ops => ops.CachedAttention(q, slots, positions, keys, values, shape, o));
        return o;
    }
}
