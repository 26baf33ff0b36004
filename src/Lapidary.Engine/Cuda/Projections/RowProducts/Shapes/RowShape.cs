using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>How the sum of an output is formed, which the weight's form and its number of columns decide: steps of 4 runs, parts of some
/// steps, bundles of some parts.</summary>
/// <param name="Run">Columns that a lane takes of a step.</param>
/// <param name="Steps">Steps of a row.</param>
/// <param name="PartSteps">Steps of a part.</param>
/// <param name="Parts">Parts of a row.</param>
internal readonly record struct RowShape(int Run, int Steps, int PartSteps, int Parts)
{
    /// <summary>Lanes that share a step, as project_rows.cuh has them.</summary>
    public const int LanesPerRow = 4;

    /// <summary>Parts of a bundle, at most.</summary>
    public const int BundleParts = 4;

    public int Bundles => Tiles(Parts, BundleParts);

    /// <summary>Columns of a step.</summary>
    public int StepColumns => LanesPerRow * Run;

    public static RowShape Of(RowForm form, int dim)
    {
        var (run, minPartSteps) = form switch
        {
            RowForm.Nf4 or RowForm.Nested => (32, 1),
            RowForm.Any => (8, 1),
            _ => (16, 2), // as many as a warp needs to keep loads under way
        };
        int steps = Tiles(dim, LanesPerRow * run), partSteps = Math.Max(minPartSteps, Tiles(steps, RowTile.MaxParts));
        return new(run, steps, partSteps, Tiles(steps, partSteps));
    }

    /// <summary>The form of a weight, which its type and its number of columns decide.</summary>
    public static RowForm FormOf(Tensor weight, int dim) => weight.DType switch
    {
        DType.NF4 when weight.Scales is not null && dim % 32 != 0 => RowForm.Any,
        DType.NF4 when weight.Scales is { IsNested: true } => RowForm.Nested,
        DType.NF4 when weight.Scales is not null => RowForm.Nf4,
        DType.BFloat16 or DType.Float16 or DType.Float32 when dim % 8 != 0 => RowForm.Any,
        DType.BFloat16 => RowForm.BFloat16,
        DType.Float16 => RowForm.Float16,
        DType.Float32 => RowForm.Float32,
        _ => throw new ShapeException(nameof(IOps.ProjectRows), nameof(weight), "NF4, Float32, BFloat16 or Float16", weight),
    };
}
