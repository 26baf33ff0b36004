namespace Lapidary.Engine;

/// <summary>Differentiable operations: each checks its arguments, records its forward call and, where a gradient is needed, its backward
/// call. Formulas, shapes and precision are those of <see cref="IOps"/>'s method of the same name.</summary>
public static partial class Ops
{
    private static void Check(bool holds, string op, string argument, string expected, Tensor got)
    {
        if (!holds) throw new ShapeException(op, argument, expected, got);
    }
}
