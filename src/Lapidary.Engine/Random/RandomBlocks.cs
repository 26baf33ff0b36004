namespace Lapidary.Engine;

/// <summary>Fills tensors with random values from one block of host memory, written again and again: gigabytes at the speed of a copy, for
/// models and benchmarks whose values need only be plausible.</summary>
/// <remarks>The block is odd in length and each tensor goes on where the last one ended, so that rows and tensors do not repeat each
/// other.</remarks>
public sealed class RandomBlocks
{
    private const int Length = (1 << 20) + 1;

    private readonly IBackend _backend;
    private readonly byte[] _bytes = new byte[Length];
    private readonly float[] _uniform = new float[Length];
    private int _next;

    /// <summary>Draws the block.</summary>
    /// <param name="backend">The backend whose memory is filled.</param>
    /// <param name="seed">The same seed and the same calls give the same values.</param>
    public RandomBlocks(IBackend backend, long seed)
    {
        _backend = backend;
        var random = new StableRandom(seed, stream: 0);
        for (int i = 0; i < Length; i++)
        {
            ulong bits = random.Next();
            _bytes[i] = (byte)bits;
            _uniform[i] = (int)(bits >> 32) * (1f / (1L << 31));
        }
    }

    /// <summary>Writes uniform bytes.</summary>
    /// <param name="tensor">UInt8 [count].</param>
    public void WriteBytes(Tensor tensor) => Write<byte>(_bytes, tensor);

    /// <summary>Writes numbers uniform in <paramref name="mean"/> ± <paramref name="bound"/>; √3 standard deviations are the
    /// bound.</summary>
    /// <param name="tensor">fp32, bf16 or fp16, any shape.</param>
    /// <param name="bound">Positive.</param>
    /// <param name="mean">The middle.</param>
    public void WriteUniform(Tensor tensor, double bound, double mean = 0)
    {
        var flat = tensor.Reshape(tensor.Count);
        switch (tensor.DType)
        {
            case DType.Float32:
                Write<float>(Array.ConvertAll(_uniform, value => (float)(mean + bound * value)), flat);
                break;
            case DType.BFloat16:
                Write<ushort>(Array.ConvertAll(_uniform, value => BFloat16.FromSingle((float)(mean + bound * value))), flat);
                break;
            case DType.Float16:
                Write<Half>(Array.ConvertAll(_uniform, value => (Half)(mean + bound * value)), flat);
                break;
            default:
                throw new ShapeException(nameof(WriteUniform), nameof(tensor), "Float32, BFloat16 or Float16", tensor);
        }
    }

    private void Write<T>(ReadOnlySpan<T> block, Tensor tensor) where T : unmanaged
    {
        for (long done = 0; done < tensor.Count;)
        {
            int length = (int)Math.Min(Length - _next, tensor.Count - done);
            _backend.Write(block.Slice(_next, length), tensor.Rows(done, length));
            done += length;
            _next = (_next + length) % Length;
        }
    }
}
