namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int DropoutThreads = 256;
    private const int DropoutWidth = 8;

    private readonly Kernel _dropout = new("dropout.cu", "dropout");

    /// <inheritdoc/>
    public void LoraForward(Tensor x, LoraAdapter adapter, Tensor xa, Tensor y)
    {
        if (LoraMatVec(x, adapter, xa, y)) return;
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, outDim = Rows(y).Dim;
        nint a = AsBFloat16(adapter.A.Value, "LoRA A"), b = AsBFloat16(adapter.B.Value, "LoRA B");
        Product(tokens, r, dim, 1, Dropped(x, adapter.Dropout), transposeA: false, a, transposeB: true, 0, xa.Address);
        Product(tokens, outDim, r, adapter.Scale, xa.Address, transposeA: false, b, transposeB: true, 1, y.Address);
    }

    /// <inheritdoc/>
    public void LoraBackward(Tensor dy, Tensor x, LoraAdapter adapter, Tensor xa, Tensor? dx)
    {
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, outDim = Rows(dy).Dim;
        if (adapter.B.Gradient is { } dB)
            ParameterGradient(outDim, r, tokens, adapter.Scale, dy.Address, xa.Address, dB);
        if (adapter.A.Gradient is null && dx is null) return;

        nint dxa = _scratch.Get("LoRA dxa", xa.LengthBytes), b = AsBFloat16(adapter.B.Value, "LoRA B");
        Product(tokens, r, outDim, adapter.Scale, dy.Address, transposeA: false, b, transposeB: false, 0, dxa);
        if (adapter.A.Gradient is { } dA)
            ParameterGradient(r, dim, tokens, 1, dxa, Dropped(x, adapter.Dropout), dA);
        if (dx is null) return;

        nint a = AsBFloat16(adapter.A.Value, "LoRA A");
        if (Active(adapter.Dropout) is not { } dropout)
        {
            Product(tokens, dim, r, 1, dxa, transposeA: false, a, transposeB: false, 1, dx.Address);
            return;
        }

        nint full = _scratch.Get("LoRA dropout", dx.LengthBytes);
        Product(tokens, dim, r, 1, dxa, transposeA: false, a, transposeB: false, 0, full);
        Mask(dropout, full, dx.Address, dx.Count, add: true);
    }

    private static Dropout? Active(Dropout? dropout) => dropout is { Probability: > 0 } ? dropout : null;

    /// <summary>dropout(x): x itself, or a copy in scratch.</summary>
    private nint Dropped(Tensor x, Dropout? dropout)
    {
        if (Active(dropout) is not { } active) return x.Address;
        nint copy = _scratch.Get("LoRA dropout", x.LengthBytes);
        Mask(active, x.Address, copy, x.Count, add: false);
        return copy;
    }

    private void Mask(Dropout dropout, nint x, nint y, long count, bool add) =>
        LaunchEach(_dropout, (count + DropoutWidth - 1) / DropoutWidth, DropoutThreads, new DropoutArgs
        {
            X = x,
            Y = y,
            Seed = dropout.Seed.Address,
            Count = count,
            Stream = dropout.Stream,
            Threshold = dropout.Threshold,
            Scale = 1 / (1 - dropout.Probability),
            Add = add ? 1 : 0,
        });

    private struct DropoutArgs
    {
        public nint X, Y, Seed;
        public long Count;
        public int Stream;
        public uint Threshold;
        public float Scale;
        public int Add;
    }
}
