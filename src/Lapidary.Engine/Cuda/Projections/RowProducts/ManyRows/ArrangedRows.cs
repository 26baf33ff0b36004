using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>Rows in the order in which warpgroups multiply them: kernels that make rows write such a copy beside them, and the product
/// that follows reads it. Where there is none, a kernel arranges the rows.</summary>
internal sealed class ArrangedRows(CudaRuntime runtime)
{
    private readonly ArrangeRowsKernel _kernel = new(runtime.Launcher);

    /// <summary>The last copy. It holds these rows as long as nothing else has been queued.</summary>
    private (Tensor? Y, ArrangedCopy Copy, long Queued) _last;

    /// <summary>A place for a copy of rows; none where the product after will read none.</summary>
    /// <param name="maker">What makes the rows: each kind has a place of its own, as one reads what another has written.</param>
    /// <param name="y">The rows.</param>
    /// <param name="next">The weight of their next product; null if nothing is known of it.</param>
    public ArrangedCopy Place(RowMaker maker, Tensor y, Tensor? next)
    {
        var (rows, dim) = Rows(y);
        if (next is null || !IsFor(rows) || dim % RowTile.StageColumns != 0 || y.DType != runtime.ActivationDType) return default;
        var form = RowShape.FormOf(next, dim);
        if (form == RowForm.Any) return default;
        string purpose = maker switch
        {
            RowMaker.Norm => "arranged rows of norms",
            RowMaker.Attention => "arranged rows of attention",
            _ => "arranged rows of gates",
        };
        return new() { Words = Memory(purpose, rows, dim), Run = RowShape.Of(form, dim).Run };
    }

    /// <summary>Reports that the copy of some rows has been queued, as the last work so far.</summary>
    public void Add(Tensor y, in ArrangedCopy copy)
    {
        if (copy.Words != 0) _last = (y, copy, runtime.Launcher.Queued);
    }

    /// <summary>Asks for the memory that <see cref="Of"/> may need: a capture must not allocate.</summary>
    public void Reserve(Tensor x)
    {
        var (rows, dim) = Rows(x);
        if (IsFor(rows)) _ = OwnMemory(rows, dim);
    }

    /// <summary>The address of x as products with weights of a form take it.</summary>
    public nint Of(Tensor x, RowForm form)
    {
        if (!runtime.HasWarpgroups) return x.Address;
        var (rows, dim) = Rows(x);
        int run = RowShape.Of(form, dim).Run;
        if (_last.Queued == runtime.Launcher.Queued && _last.Y == x && _last.Copy.Run == run) return _last.Copy.Words;
        nint y = OwnMemory(rows, dim);
        _kernel.Run(x, y, run);
        return y;
    }

    /// <summary>Whether products of so many rows are of warpgroups.</summary>
    private bool IsFor(int rows) => runtime.HasWarpgroups && rows > RowTile.Few.GroupRows;

    private nint OwnMemory(int rows, int dim) => Memory("arranged rows", rows, Tiles(dim, RowTile.StageColumns) * RowTile.StageColumns);

    private nint Memory(string purpose, int rows, int dim) => runtime.Scratch.Get(purpose, runtime.ActivationBytes((long)rows * dim));
}
