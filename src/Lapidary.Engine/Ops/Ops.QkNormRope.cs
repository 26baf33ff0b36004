namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>The rotary table of a step.</summary>
    /// <param name="tape">Receives the call.</param>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="inverseFrequencies">fp32 [headDim / 2]: θ^(−2j / headDim), divided by the scaling factor if the model has one.</param>
    public static RotaryTable RopeTable(Tape tape, Tensor positions, Tensor inverseFrequencies)
    {
        Check(positions.DType == DType.Int32, nameof(RopeTable), nameof(positions), "Int32 [tokens]", positions);
        long tokens = positions.Count, half = inverseFrequencies.Count;
        var table = new RotaryTable(tape.New(DType.Float32, tokens, half), tape.New(DType.Float32, tokens, half));
        tape.Run(ops => ops.RopeTable(positions, inverseFrequencies, table.Cos, table.Sin));
        return table;
    }

    /// <summary>q_norm or k_norm, then rotary position embedding, per head.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[tokens, heads · headDim]. No other operation may use it.</param>
    /// <param name="weight">[headDim].</param>
    /// <param name="rope">The table of the layer's kind.</param>
    /// <param name="epsilon">rms_norm_eps.</param>
    /// <param name="weightGradient">fp32 [headDim], added to, if the weight is trained; else null.</param>
    /// <returns>[tokens, heads · headDim].</returns>
    /// <exception cref="ShapeException">The last axis is not a multiple of headDim, or the table or the gradient has another
    /// headDim.</exception>
    public static Tensor QkNormRope(
        Tape tape, Tensor x, Tensor weight, RotaryTable rope, float epsilon, Tensor? weightGradient = null)
    {
        CheckType(tape.ActivationDType, nameof(QkNormRope), nameof(x), x);
        var (tokens, dim) = x.AsRows();
        Check(dim % weight.Count == 0, nameof(QkNormRope), nameof(weight), $"[headDim] with headDim a divisor of {dim}", weight);
        Check(rope.Cos.Shape[1] * 2 == weight.Count, nameof(QkNormRope), nameof(rope), $"[{tokens}, {weight.Count / 2}]", rope.Cos);
        if (weightGradient is not null) CheckGradient(nameof(QkNormRope), weight, weightGradient);
        Tensor y = tape.New(tokens, dim), rstd = tape.New(DType.Float32, x.Count / weight.Count);
        tape.Run(ops => ops.QkNormRopeForward(x, weight, rope.Cos, rope.Sin, epsilon, y, rstd));
        bool needsX = tape.NeedsGradient(x);
        if (!needsX && weightGradient is null) return y;
        tape.OnBackward(y, dy =>
        {
            var dx = needsX ? tape.OnlyGradient(x) : null;
            tape.Run(ops => ops.QkNormRopeBackward(dy, x, weight, rope.Cos, rope.Sin, rstd, dx, weightGradient));
        });
        return y;
    }

    /// <summary>Inference only: the norms and rotation of queries and keys, and keys and values into the cache.</summary>
    /// <param name="tape">Receives the call.</param>
    /// <param name="q">[tokens, heads · headDim]. Nothing else may use q and k.</param>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">Like k.</param>
    /// <param name="norms">q_norm and k_norm.</param>
    /// <param name="rope">The table of the layer's kind.</param>
    /// <param name="slots">Int32 [tokens]: the slot of each token's text; −1 for a row without a token.</param>
    /// <param name="positions">Int32 [tokens].</param>
    /// <param name="keys">[slots, capacity, kvHeads · headDim].</param>
    /// <param name="values">Like keys.</param>
    /// <returns>The queries, in the place of <paramref name="q"/>.</returns>
    /// <exception cref="ShapeException">A last axis is not a multiple of headDim, or the table has another headDim.</exception>
    public static Tensor QkvToCache(
        Tape tape, Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys,
        Tensor values)
    {
        long headDim = norms.Q.Count;
        foreach (var x in (ReadOnlySpan<Tensor>)[q, k, v])
        {
            CheckType(tape.ActivationDType, nameof(QkvToCache), "q, k and v", x);
            Check(x.Shape[^1] % headDim == 0, nameof(QkvToCache), "q, k and v", $"[tokens, a multiple of {headDim}]", x);
        }

        Check(norms.K.Count == headDim, nameof(QkvToCache), nameof(norms), $"[{headDim}]", norms.K);
        Check(rope.Cos.Shape[1] * 2 == headDim, nameof(QkvToCache), nameof(rope), $"[tokens, {headDim / 2}]", rope.Cos);
        var rstd = tape.New(DType.Float32, Math.Max(q.Count, k.Count) / headDim);
        tape.Run(ops => ops.QkvToCache(q, k, v, norms, rope, slots, positions, keys, values, rstd));
        return q;
    }
}
