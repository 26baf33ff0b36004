namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>A norm added to a residual, and the norm of the sum: between two blocks of a layer.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[rows, dim], of the residual stream's type.</param>
    /// <param name="weight">[dim]: of the first norm.</param>
    /// <param name="residual">[rows, dim], of the same type.</param>
    /// <param name="nextWeight">[dim]: of the second norm.</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <param name="weightGradient">Gradient of <paramref name="weight"/> if it is trained, else null.</param>
    /// <param name="nextWeightGradient">Gradient of <paramref name="nextWeight"/> if it is trained, else null.</param>
    /// <param name="next">The weight of the next product with the norm of the sum, as in <see cref="ProjectGated"/>.</param>
    /// <returns>The sum, of the residual stream's type, and its norm, an activation, [rows, dim] each.</returns>
    /// <exception cref="ShapeException">A weight or a gradient is not [dim], <paramref name="residual"/> not of x's shape, or a type not
    /// the residual stream's.</exception>
    public static (Tensor H, Tensor Y) RmsNormPair(
        Tape tape, Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon, Tensor? weightGradient = null,
        Tensor? nextWeightGradient = null, Tensor? next = null)
    {
        if (tape.Training || tape.NeedsGradient(x) || tape.NeedsGradient(residual))
        {
            var sum = RmsNorm(tape, x, weight, epsilon, residual, weightGradient);
            return (sum, RmsNorm(tape, sum, nextWeight, epsilon, residual: null, nextWeightGradient));
        }

        var (rows, dim) = x.AsRows();
        foreach (var w in (ReadOnlySpan<Tensor>)[weight, nextWeight])
            Check(w.Count == dim, nameof(RmsNormPair), nameof(weight), $"[{dim}]", w);
        Check(residual.Count == x.Count, nameof(RmsNormPair), nameof(residual), $"[{rows}, {dim}]", residual);
        foreach (var input in (ReadOnlySpan<Tensor>)[x, residual])
            CheckType(tape.ResidualDType, nameof(RmsNormPair), "x and residual", input);
        Tensor h = tape.New(tape.ResidualDType, rows, dim), y = tape.New(rows, dim), rstd = tape.New(DType.Float32, rows);
        var product = tape.HasIndependentRows ? next : null;
        tape.Run(ops => ops.RmsNormPair(x, weight, residual, nextWeight, epsilon, h, y, rstd, product));
        return (h, y);
    }

    /// <summary>Gemma's RMSNorm over the last axis, added to <paramref name="residual"/> if that is given.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="x">[rows, dim], of the residual stream's type: the stream itself; or, with a residual, the result of a projection,
    /// whose gradient is an activation.</param>
    /// <param name="weight">[dim].</param>
    /// <param name="epsilon">rms_norm_eps of config.json.</param>
    /// <param name="residual">[rows, dim] or null; its gradient is that of the output, passed on without a copy.</param>
    /// <param name="weightGradient">fp32 [dim], added to, if the weight is trained; else null.</param>
    /// <param name="next">The weight of the next product with the result, as in <see cref="ProjectGated"/>.</param>
    /// <returns>[rows, dim]: an activation; with a residual, of the stream's type.</returns>
    /// <exception cref="ShapeException"><paramref name="weight"/> or its gradient is not [dim], <paramref name="residual"/> not of x's
    /// shape, or a type not the residual stream's.</exception>
    public static Tensor RmsNorm(
        Tape tape, Tensor x, Tensor weight, float epsilon, Tensor? residual = null, Tensor? weightGradient = null, Tensor? next = null)
    {
        var (rows, dim) = x.AsRows();
        CheckType(tape.ResidualDType, nameof(RmsNorm), nameof(x), x);
        if (residual is not null) CheckType(tape.ResidualDType, nameof(RmsNorm), nameof(residual), residual);
        Check(weight.Count == dim, nameof(RmsNorm), nameof(weight), $"[{dim}]", weight);
        if (weightGradient is not null) CheckGradient(nameof(RmsNorm), weight, weightGradient);
        if (residual is not null) Check(residual.Count == x.Count, nameof(RmsNorm), nameof(residual), $"[{rows}, {dim}]", residual);
        Tensor y = tape.New(residual is null ? tape.ActivationDType : tape.ResidualDType, rows, dim), rstd = tape.New(DType.Float32, rows);
        var product = tape.HasIndependentRows ? next : null;
        tape.Run(ops => ops.RmsNormForward(x, weight, residual, epsilon, y, rstd, product));

        bool needsX = tape.NeedsGradient(x), needsResidual = residual is not null && tape.NeedsGradient(residual);
        if (!needsX && !needsResidual && weightGradient is null) return y;
        tape.OnBackward(y, dy =>
        {
            if (needsX || weightGradient is not null)
            {
                var (dx, add) = needsX ? tape.Gradient(x, residual is null ? null : tape.ActivationDType) : default;
                tape.Run(ops => ops.RmsNormBackward(dy, x, weight, rstd, dx, add, weightGradient));
            }

            if (needsResidual) tape.PassGradient(residual!, dy);
        });
        return y;
    }
}
