using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _attentionForward32 = new("attention.cu", "attention_forward_32");
    private readonly Kernel _attentionForward64 = new("attention.cu", "attention_forward_64");
    private readonly Kernel _attentionForward128 = new("attention.cu", "attention_forward_128");
    private readonly Kernel _attentionForward256 = new("attention.cu", "attention_forward_256");
    private readonly Kernel _attentionForward256Small = new("attention.cu", "attention_forward_256_small");

    /// <summary>Shared memory of a block that attention takes for granted, where it is not what the device has: for tests of the kernels
    /// for cards that have less.</summary>
    internal int? AttentionSharedBytes { get; init; }

    /// <inheritdoc/>
    public void AttentionForward(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape, Tensor o, Tensor lse)
    {
        int tokens = checked((int)documentStarts.Count), headDim = PaddedHeadDim(nameof(AttentionForward), shape, q);
        var (kernel, warps, keys) = headDim switch
        {
            32 => (_attentionForward32, 4, 64),
            64 => (_attentionForward64, 4, 64),
            128 => (_attentionForward128, 4, 64),
            _ when FitsAttention(Bytes(8, 64)) && FillsDevice(shape, tokens, 8) => (_attentionForward256, 8, 64),
            _ => (_attentionForward256Small, 4, 32),
        };
        Launch(kernel, QueryRowGrid(shape, tokens, warps), warps * 32, Bytes(warps, keys), new AttentionForwardArgs
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

        int Bytes(int warps, int keys) => (16 * warps + 4 * keys) * headDim * sizeof(ushort);
    }

    private bool FitsAttention(int sharedBytes) => sharedBytes <= (AttentionSharedBytes ?? Device.MaxSharedBytesPerBlock);

    /// <summary>Whether tiles of so many warps leave no multiprocessor idle; else smaller ones are faster.</summary>
    private bool FillsDevice(AttentionShape shape, int tokens, int warps)
    {
        var grid = QueryRowGrid(shape, tokens, warps);
        return AttentionSharedBytes is not null || grid.X * grid.Y >= Device.Multiprocessors;
    }

    /// <summary>Key heads by tiles of the query rows that share one, 16 rows for each warp.</summary>
    private static Dim3 QueryRowGrid(AttentionShape shape, int tokens, int warps) =>
        new(shape.KvHeads, Tiles(checked(tokens * (shape.Heads / shape.KvHeads)), 16 * warps));

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
