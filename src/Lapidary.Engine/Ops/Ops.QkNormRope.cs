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
}
