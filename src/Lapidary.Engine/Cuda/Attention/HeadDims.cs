namespace Lapidary.Engine.Cuda.Attention;

/// <summary>The head dimensions that the kernels support.</summary>
internal static class HeadDims
{
    private const int Max = 256;

    /// <summary>Refuses a head dimension that no kernel supports.</summary>
    public static void Check(string op, int headDim, Tensor tensor)
    {
        if (headDim > Max || headDim % 2 != 0)
            throw new ShapeException(op, nameof(headDim), $"an even head dimension of at most {Max} on CUDA", tensor);
    }

    /// <summary>The head dimension of the kernel for this one.</summary>
    public static int Padded(string op, AttentionShape shape, Tensor q)
    {
        Check(op, shape.HeadDim, q);
        return shape.HeadDim switch
        {
            <= 32 => 32,
            <= 64 => 64,
            <= 128 => 128,
            _ => Max,
        };
    }
}
