namespace Lapidary.Engine;

/// <summary>Differentiable operations. Each checks its arguments, records its forward call and, if a gradient is needed, its backward call.
/// Formulas, shapes and precision are those of the method of the same name in <see cref="IOps"/>.</summary>
public static partial class Ops
{
    private static void Check(bool holds, string op, string argument, string expected, Tensor got)
    {
        if (!holds) throw new ShapeException(op, argument, expected, got);
    }

    private static void CheckType(DType dtype, string op, string argument, Tensor got) =>
        Check(got.DType == dtype, op, argument, dtype.ToString(), got);

    private static void CheckGradient(string op, Tensor weight, Tensor gradient)
    {
        bool fits = gradient.DType == DType.Float32 && gradient.Shape.SequenceEqual(weight.Shape);
        Check(fits, op, "the weight's gradient", $"Float32 of the shape of {weight}", gradient);
    }
}
