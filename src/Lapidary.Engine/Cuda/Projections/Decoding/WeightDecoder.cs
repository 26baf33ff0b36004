using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>Converts matrices of any type to bf16, the type that cuBLASLt multiplies.</summary>
internal sealed class WeightDecoder(CudaRuntime runtime)
{
    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _nf4Decode = new("nf4_decode.cu", "nf4_decode");
    private readonly Kernel _toBFloat16 = new("to_bf16.cu", "convert_to_bf16");

    /// <summary>The tensor's values in bf16: its memory, or a copy in the scratch of <paramref name="purpose"/>, valid until that is used
    /// again.</summary>
    public nint AsBFloat16(Tensor tensor, string purpose)
    {
        if (tensor.DType == DType.BFloat16) return tensor.Address;
        nint copy = runtime.Scratch.Get(purpose, DType.BFloat16.LengthBytes(tensor.Count));
        Decode(tensor, copy);
        return copy;
    }

    /// <summary>Queues the decoding or rounding of an NF4, fp32 or fp16 tensor to bf16 at an address.</summary>
    public void Decode(Tensor tensor, nint to)
    {
        if (tensor is not { DType: DType.Float32 or DType.Float16 or DType.NF4 })
            throw new ShapeException("Product", "matrix", "NF4, Float32, BFloat16 or Float16", tensor);
        if (tensor.Scales is null) Round(tensor, to);
        else _launcher.LaunchRuns(_nf4Decode, DecodingRuns.Of(tensor), new Nf4DecodeArgs { W = Nf4Matrix.Of(tensor), Y = to });
    }

    /// <summary>Queues the rounding of an fp32 or fp16 tensor to bf16 at an address.</summary>
    public void Round(Tensor tensor, nint to) =>
        _launcher.LaunchEach(_toBFloat16, DecodingRuns.Of(tensor), DecodingRuns.Threads, new ToBFloat16Args
        {
            X = tensor.Address,
            Y = to,
            Count = tensor.Count,
            DType = (int)tensor.DType,
        });

    private struct Nf4DecodeArgs
    {
        public Nf4Matrix W;
        public nint Y;
    }

    private struct ToBFloat16Args
    {
        public nint X, Y;
        public long Count;
        public int DType;
    }
}
