using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>Rows of x in the order in which warpgroups multiply them, for tiles of so many rows that a kernel of its own costs less than
/// each block's work.</summary>
internal sealed class ArrangeRowsKernels(CudaRuntime runtime)
{
    // As arrange_rows.cu has them.
    private const int Threads = 256, UnitColumns = 32, StageUnits = 4;

    private readonly Kernel _arrange = new("arrange_rows.cu", "arrange_rows");

    /// <summary>Whether a tile's kernel takes arranged rows.</summary>
    public bool IsFor(RowTile tile) => runtime.HasWarpgroups && tile.GroupRows == RowTile.Wide128.GroupRows;

    /// <summary>Asks for the memory that <see cref="Run"/> may need for this number of rows: a capture must not allocate.</summary>
    public void Reserve(in ProjectRowsArgs args)
    {
        if (runtime.HasWarpgroups && args.Rows > RowTile.Wide64.GroupRows) _ = Place(args);
    }

    /// <summary>Arranges x for weights of a form, and returns its address.</summary>
    public nint Run(in ProjectRowsArgs args, RowForm form)
    {
        nint place = Place(args);
        int units = Units(args);
        var arrange = new ArrangeRowsArgs
        {
            X = args.X,
            Y = place,
            Dim = args.Dim,
            Units = units,
            Run = RowShape.Of(form, args.Dim).Run,
        };
        runtime.Launcher.Launch(_arrange, new Dim3(Tiles(units, Threads), args.Rows), Threads, sharedBytes: 0, in arrange);
        return place;
    }

    private static int Units(in ProjectRowsArgs args) => Tiles(args.Dim, StageUnits * UnitColumns) * StageUnits;

    private nint Place(in ProjectRowsArgs args) =>
        runtime.Scratch.Get("arranged rows", (long)args.Rows * Units(args) * UnitColumns * sizeof(ushort));

    private struct ArrangeRowsArgs
    {
        public nint X, Y;
        public int Dim, Units, Run;
    }
}
