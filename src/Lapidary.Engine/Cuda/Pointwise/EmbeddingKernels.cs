using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>Rows of the embedding, and their gradients in token order.</summary>
internal sealed class EmbeddingKernels(CudaRuntime runtime)
{
    private const int Threads = 256;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _forward1 = new("embedding.cu", "embedding_forward_1");
    private readonly Kernel _forward8 = new("embedding.cu", "embedding_forward_8");
    private readonly Kernel _order = new("embedding.cu", "embedding_order");
    private readonly Kernel _backward1 = new("embedding.cu", "embedding_backward_1");
    private readonly Kernel _backward8 = new("embedding.cu", "embedding_backward_8");

    /// <inheritdoc cref="IOps.EmbeddingForward"/>
    /// <remarks>An id outside the vocabulary cannot be reported without waiting for the device. Its row becomes NaN, and so does the
    /// loss.</remarks>
    public void Forward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        int tokens = checked((int)ids.Count), hidden = checked((int)table.Shape[1]);
        _launcher.Launch(hidden % 8 == 0 ? _forward8 : _forward1, tokens, Threads, sharedBytes: 0, new EmbeddingForwardArgs
        {
            Ids = ids.Address,
            Table = table.Address,
            Y = y.Address,
            Vocabulary = table.Shape[0],
            TableType = (int)table.DType,
            Hidden = hidden,
            Scale = scale,
        });
    }

    /// <inheritdoc cref="IOps.EmbeddingBackward"/>
    /// <remarks>Ids outside the vocabulary add nothing.</remarks>
    public void Backward(Tensor ids, Tensor dy, float scale, Tensor dTable)
    {
        int tokens = checked((int)ids.Count), hidden = checked((int)dTable.Shape[1]), width = hidden % 8 == 0 ? 8 : 1;
        int slices = (hidden + Threads * width - 1) / (Threads * width);
        nint order = runtime.Scratch.Get("embedding order", (long)tokens * sizeof(int));
        _launcher.LaunchEach(_order, (long)tokens * WarpSize, Threads, new EmbeddingOrderArgs
        {
            Ids = ids.Address,
            Order = order,
            Tokens = tokens,
        });
        var grid = new Dim3(tokens, slices);
        _launcher.Launch(width == 8 ? _backward8 : _backward1, grid, Threads, sharedBytes: 0, new EmbeddingBackwardArgs
        {
            Ids = ids.Address,
            Order = order,
            Dy = dy.Address,
            DTable = dTable.Address,
            Vocabulary = dTable.Shape[0],
            Tokens = tokens,
            Hidden = hidden,
            Scale = scale,
        });
    }

    private struct EmbeddingForwardArgs
    {
        public nint Ids, Table, Y;
        public long Vocabulary;
        public int TableType, Hidden;
        public float Scale;
    }

    private struct EmbeddingOrderArgs
    {
        public nint Ids, Order;
        public int Tokens;
    }

    private struct EmbeddingBackwardArgs
    {
        public nint Ids, Order, Dy, DTable;
        public long Vocabulary;
        public int Tokens, Hidden;
        public float Scale;
    }
}
