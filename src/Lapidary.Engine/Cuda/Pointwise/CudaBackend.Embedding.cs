using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int EmbeddingThreads = 256;

    private readonly Kernel _embeddingForward1 = new("embedding.cu", "embedding_forward_1");
    private readonly Kernel _embeddingForward8 = new("embedding.cu", "embedding_forward_8");
    private readonly Kernel _embeddingOrder = new("embedding.cu", "embedding_order");
    private readonly Kernel _embeddingBackward1 = new("embedding.cu", "embedding_backward_1");
    private readonly Kernel _embeddingBackward8 = new("embedding.cu", "embedding_backward_8");

    /// <inheritdoc/>
    /// <remarks>An id outside the vocabulary cannot be named without waiting for the device: its row becomes NaN, and so does the
    /// loss.</remarks>
    public void EmbeddingForward(Tensor ids, Tensor table, float scale, Tensor y)
    {
        int tokens = checked((int)ids.Count), hidden = checked((int)table.Shape[1]);
        Launch(hidden % 8 == 0 ? _embeddingForward8 : _embeddingForward1, tokens, EmbeddingThreads, sharedBytes: 0, new EmbeddingForwardArgs
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

    /// <inheritdoc/>
    /// <remarks>Ids outside the vocabulary add nothing.</remarks>
    public void EmbeddingBackward(Tensor ids, Tensor dy, float scale, Tensor dTable)
    {
        int tokens = checked((int)ids.Count), hidden = checked((int)dTable.Shape[1]), width = hidden % 8 == 0 ? 8 : 1;
        int slices = (hidden + EmbeddingThreads * width - 1) / (EmbeddingThreads * width);
        nint order = _scratch.Get("embedding order", (long)tokens * sizeof(int));
        LaunchEach(_embeddingOrder, (long)tokens * WarpSize, EmbeddingThreads, new EmbeddingOrderArgs { Ids = ids.Address, Order = order, Tokens = tokens });
        var grid = new Dim3(tokens, slices);
        Launch(width == 8 ? _embeddingBackward8 : _embeddingBackward1, grid, EmbeddingThreads, sharedBytes: 0, new EmbeddingBackwardArgs
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
