using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Converts matrices of any type to that of activations, which cuBLASLt multiplies.</summary>
internal sealed class WeightDecoder(CudaRuntime runtime)
{
    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _nf4Decode = new("nf4_decode.cu", "nf4_decode");
    private readonly Kernel _toActivations = new("to_act.cu", "convert_to_act");

    /// <summary>The tensor's values in the type of activations: its memory, or a copy in the scratch of <paramref name="purpose"/>, valid
    /// until that is used again.</summary>
    public nint AsActivations(Tensor tensor, string purpose)
    {
        if (tensor.DType == runtime.ActivationDType) return tensor.Address;
        nint copy = runtime.Scratch.Get(purpose, runtime.ActivationBytes(tensor.Count));
        Decode(tensor, copy);
        return copy;
    }

    /// <summary>Queues the decoding or rounding of a tensor of another type to that of activations, at an address.</summary>
    public void Decode(Tensor tensor, nint to)
    {
        if (tensor is not { DType: DType.Float32 or DType.BFloat16 or DType.Float16 or DType.NF4 })
            throw new ShapeException("Product", "matrix", "NF4, Float32, BFloat16 or Float16", tensor);
        if (tensor.Scales is null) Round(tensor, to);
        else _launcher.LaunchRuns(_nf4Decode, DecodingRuns.Of(tensor), new Nf4DecodeArgs { W = Nf4Matrix.Of(tensor), Y = to });
    }

    /// <summary>Queues the rounding of an fp32 tensor, or of one of the other type of 16 bits, to the type of activations, at an
    /// address.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="to">The address.</param>
    /// <param name="scale">A factor of its values; only beside fp16 other than 1.</param>
    public void Round(Tensor tensor, nint to, float scale = 1) =>
        _launcher.LaunchEach(_toActivations, DecodingRuns.Of(tensor), DecodingRuns.Threads, new ToActArgs
        {
            X = tensor.Address,
            Y = to,
            Count = tensor.Count,
            DType = (int)tensor.DType,
            Scale = scale,
        });

    private struct Nf4DecodeArgs
    {
        public Nf4Matrix W;
        public nint Y;
    }

    private struct ToActArgs
    {
        public nint X, Y;
        public long Count;
        public int DType;
        public float Scale;
    }
}
