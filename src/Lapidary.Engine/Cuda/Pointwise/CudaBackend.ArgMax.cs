using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int ArgMaxThreads = 1024;

    private readonly Kernel _argMax1 = new("argmax.cu", "argmax_1");
    private readonly Kernel _argMax4 = new("argmax.cu", "argmax_4");

    /// <inheritdoc/>
    public void ArgMax(Tensor x, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        Launch(dim % 4 == 0 ? _argMax4 : _argMax1, rows, ArgMaxThreads, sharedBytes: 0, new ArgMaxArgs
        {
            X = x.Address,
            Indices = indices.Address,
            Dim = dim,
        });
    }

    private struct ArgMaxArgs
    {
        public nint X, Indices;
        public int Dim;
    }
}
