using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>Attention over the keys that a token sees.</summary>
internal sealed class AttentionForwardKernels(CudaRuntime runtime)
{
    private readonly Launcher _launcher = runtime.Launcher;
    private readonly AttentionTiling _tiling = new(runtime);
    private readonly Kernel _forward32 = new("attention.cu", "attention_forward_32");
    private readonly Kernel _forward64 = new("attention.cu", "attention_forward_64");
    private readonly Kernel _forward128 = new("attention.cu", "attention_forward_128");
    private readonly Kernel _forward256 = new("attention.cu", "attention_forward_256");
    private readonly Kernel _forward256Small = new("attention.cu", "attention_forward_256_small");

    private readonly Kernel _forward128Lean = new("attention_lean.cu", "attention_forward_128_lean");
    private readonly Kernel _forward256Lean = new("attention_lean.cu", "attention_forward_256_lean");

    /// <inheritdoc cref="IOps.AttentionForward"/>
    public void Run(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse)
    {
        int tokens = checked((int)documentStarts.Count), headDim = HeadDims.Padded(nameof(IOps.AttentionForward), shape, q);
        var (kernel, warps, keys, stages) = headDim switch
        {
            32 => (_forward32, 4, 64, 2),
            64 => (_forward64, 4, 64, 2),
            128 => _tiling.Fits(Bytes(4, 64, 2)) ? (_forward128, 4, 64, 2) : (_forward128Lean, 4, 32, 2),
            _ when _tiling.Fits(Bytes(8, 64, 2)) && _tiling.FillsDevice(shape, tokens, 8) => (_forward256, 8, 64, 2),
            _ => _tiling.Fits(Bytes(4, 32, 2)) ? (_forward256Small, 4, 32, 2) : (_forward256Lean, 4, 16, 1),
        };
        var grid = AttentionTiling.QueryRowGrid(shape, tokens, warps);
        _launcher.Launch(kernel, grid, warps * KernelShapes.WarpSize, Bytes(warps, keys, stages), new AttentionForwardArgs
        {
            Q = q.Address,
            K = k.Address,
            V = v.Address,
            Visibility = new Visibility { DocumentStarts = documentStarts.Address, Tokens = tokens, Window = shape.Window },
            O = o.Address,
            Lse = lse.Address,
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Scale = shape.Scale,
        });

        int Bytes(int warps, int keys, int stages) => (16 * warps + 2 * stages * keys) * headDim * sizeof(ushort);
    }

    private struct AttentionForwardArgs
    {
        public nint Q, K, V;
        public Visibility Visibility;
        public nint O, Lse;
        public int Heads, KvHeads, HeadDim;
        public float Scale;
    }
}
