namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>A norm added to a residual, and the norm of the sum: between two blocks of a layer.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[rows, dim].</param>
    /// <param name="weight">[dim]: of the first norm.</param>
    /// <param name="residual">[rows, dim].</param>
    /// <param name="nextWeight">[dim]: of the second norm.</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <returns>The sum and its norm, [rows, dim] each.</returns>
    /// <exception cref="ShapeException">A weight is not [dim], or <paramref name="residual"/> not of x's shape.</exception>
    public static (Tensor H, Tensor Y) RmsNormPair(
        Tape tape, Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon)
    {
        if (tape.Training || tape.NeedsGradient(x) || tape.NeedsGradient(residual))
        {
            var sum = RmsNorm(tape, x, weight, epsilon, residual);
            return (sum, RmsNorm(tape, sum, nextWeight, epsilon));
        }

        var (rows, dim) = x.AsRows();
        foreach (var w in (ReadOnlySpan<Tensor>)[weight, nextWeight])
            Check(w.Count == dim, nameof(RmsNormPair), nameof(weight), $"[{dim}]", w);
        Check(residual.Count == x.Count, nameof(RmsNormPair), nameof(residual), $"[{rows}, {dim}]", residual);
        Tensor h = tape.New(rows, dim), y = tape.New(rows, dim), rstd = tape.New(DType.Float32, rows);
        tape.Run(ops => ops.RmsNormPair(x, weight, residual, nextWeight, epsilon, h, y, rstd));
        return (h, y);
    }

    /// <summary>Gemma's RMSNorm over the last axis, added to <paramref name="residual"/> if that is given.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[rows, dim].</param>
    /// <param name="weight">[dim]; frozen under QLoRA, so no gradient is formed.</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <param name="residual">[rows, dim] or null; its gradient is that of the output, passed on without a copy.</param>
    /// <returns>[rows, dim].</returns>
    /// <exception cref="ShapeException"><paramref name="weight"/> is not [dim], or <paramref name="residual"/> not of x's
    /// shape.</exception>
    public static Tensor RmsNorm(Tape tape, Tensor x, Tensor weight, float epsilon, Tensor? residual = null)
    {
        var (rows, dim) = x.AsRows();
        Check(weight.Count == dim, nameof(RmsNorm), nameof(weight), $"[{dim}]", weight);
        if (residual is not null) Check(residual.Count == x.Count, nameof(RmsNorm), nameof(residual), $"[{rows}, {dim}]", residual);
        Tensor y = tape.New(rows, dim), rstd = tape.New(DType.Float32, rows);
        tape.Run(ops => ops.RmsNormForward(x, weight, residual, epsilon, y, rstd));

        bool needsX = tape.NeedsGradient(x), needsResidual = residual is not null && tape.NeedsGradient(residual);
        if (!needsX && !needsResidual) return y;
        tape.OnBackward(y, dy =>
        {
            if (needsX)
            {
                var (dx, add) = tape.Gradient(x);
                tape.Run(ops => ops.RmsNormBackward(dy, x, weight, rstd, dx, add));
            }

            if (needsResidual) tape.PassGradient(residual!, dy);
        });
        return y;
    }
}
