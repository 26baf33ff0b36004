namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Queries of a tile of attention.cu and of the queries' pass of attention_backward.cu; keys of a tile of attention.cu.</summary>
    private const int AttentionTile = 64;

    private readonly Kernel _attentionForward32 = new("attention.cu", "attention_forward_32");
    private readonly Kernel _attentionForward64 = new("attention.cu", "attention_forward_64");
    private readonly Kernel _attentionForward128 = new("attention.cu", "attention_forward_128");
    private readonly Kernel _attentionForward256 = new("attention.cu", "attention_forward_256");

    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse)
    {
        int tokens = checked((int)documentStarts.Count), headDim = PaddedHeadDim(nameof(AttentionForward), shape, q);
        var kernel = headDim switch
        {
            32 => _attentionForward32,
            64 => _attentionForward64,
            128 => _attentionForward128,
            _ => _attentionForward256,
        };
        int sharedBytes = 3 * AttentionTile * headDim * sizeof(ushort);
        Launch(kernel, new Dim3(shape.Heads, Tiles(tokens, AttentionTile)), 128, sharedBytes, new AttentionForwardArgs
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
    }

    /// <summary>The head dimension of the kernel that takes this one.</summary>
    private static int PaddedHeadDim(string op, AttentionShape shape, Tensor q)
    {
        CheckHeadDim(op, shape.HeadDim, q);
        return shape.HeadDim switch
        {
            <= 32 => 32,
            <= 64 => 64,
            <= 128 => 128,
            _ => 256,
        };
    }

    private static int Tiles(int tokens, int tile) => (tokens + tile - 1) / tile;

    private struct Visibility
    {
        public nint DocumentStarts;
        public int Tokens, Window;
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
