using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>Rows of x in the order in which warpgroups multiply them.</summary>
internal sealed class ArrangeRowsKernel(Launcher launcher)
{
    // As arrange_rows.cu has them.
    private const int Threads = 256, UnitColumns = 32, StageUnits = 4;

    private readonly Kernel _arrange = new("arrange_rows.cu", "arrange_rows");

    /// <summary>Arranges x.</summary>
    /// <param name="x">[rows, dim].</param>
    /// <param name="y">[rows, dim rounded up to 128].</param>
    /// <param name="run">Columns that the weight's kernels take at once.</param>
    public void Run(Tensor x, nint y, int run)
    {
        var (rows, dim) = Rows(x);
        int units = Tiles(dim, StageUnits * UnitColumns) * StageUnits;
        launcher.Launch(_arrange, new Dim3(Tiles(units, Threads), rows), Threads, sharedBytes: 0, new ArrangeRowsArgs
        {
            X = x.Address,
            Y = y,
            Dim = dim,
            Units = units,
            Run = run,
        });
    }

    private struct ArrangeRowsArgs
    {
        public nint X, Y;
        public int Dim, Units, Run;
    }
}
