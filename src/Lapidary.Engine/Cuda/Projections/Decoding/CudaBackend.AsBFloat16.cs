using System.Numerics;
using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int ConvertThreads = 256;

    /// <summary>Elements of a run, 16 bytes of bf16, as nf4_decode.cu, augmented_weight.cu and to_bf16.cu write them.</summary>
    private const int ConvertWidth = 8;

    /// <summary>Runs that a thread of nf4_decode.cu and augmented_weight.cu has under way.</summary>
    private const int ConvertDepth = 4;

    /// <summary>Purpose of the scratch that every weight is decoded to in turn.</summary>
    private const string DecodedWeight = "decoded weight";

    private const int WarpSize = 32;

    private readonly Kernel _nf4Decode = new("nf4_decode.cu", "nf4_decode");
    private readonly Kernel _toBFloat16 = new("to_bf16.cu", "convert_to_bf16");

    /// <summary>The tensor's values in bf16: its own memory, or a copy in the scratch of <paramref name="purpose"/>, good until that is
    /// used again.</summary>
    private nint AsBFloat16(Tensor tensor, string purpose)
    {
        if (tensor.DType == DType.BFloat16) return tensor.Address;
        nint copy = _scratch.Get(purpose, DType.BFloat16.LengthBytes(tensor.Count));
        Decode(tensor, copy);
        return copy;
    }

    /// <summary>Queues the decoding or rounding of an NF4, fp32 or fp16 tensor to bf16 at an address.</summary>
    private void Decode(Tensor tensor, nint to)
    {
        if (tensor is not { DType: DType.Float32 or DType.Float16 or DType.NF4 })
            throw new ShapeException("Product", "matrix", "NF4, Float32, BFloat16 or Float16", tensor);
        if (tensor.Scales is null) ConvertToBFloat16(tensor, to);
        else LaunchRuns(_nf4Decode, RunsOf(tensor), new Nf4DecodeArgs { W = Nf4Matrix.Of(tensor), Y = to });
    }

    /// <summary>Queues the rounding of an fp32 or fp16 tensor to bf16 at an address.</summary>
    private void ConvertToBFloat16(Tensor tensor, nint to) =>
        LaunchEach(_toBFloat16, RunsOf(tensor), ConvertThreads, new ToBFloat16Args
        {
            X = tensor.Address,
            Y = to,
            Count = tensor.Count,
            DType = (int)tensor.DType,
        });

    private static long RunsOf(Tensor tensor) => (tensor.Count + ConvertWidth - 1) / ConvertWidth;

    /// <summary>Queues a kernel whose threads take <see cref="ConvertDepth"/> runs each.</summary>
    private void LaunchRuns<TArgs>(Kernel kernel, long runs, in TArgs args) where TArgs : unmanaged =>
        LaunchEach(kernel, (runs + ConvertDepth - 1) / ConvertDepth, ConvertThreads, in args);

    /// <summary>An NF4 tensor as nf4.cuh has it.</summary>
    private struct Nf4Matrix
    {
        public nint Codes, Absmax, NestedAbsmax, NestedCode;
        public long Count;
        public int BlockShift;
        public float Offset;

        public static Nf4Matrix Of(Tensor tensor)
        {
            var scales = tensor.Scales!;
            return new Nf4Matrix
            {
                Codes = tensor.Address,
                Absmax = scales.Absmax.Address,
                NestedAbsmax = scales.NestedAbsmax?.Address ?? 0,
                NestedCode = scales.NestedCode?.Address ?? 0,
                Count = tensor.Count,
                BlockShift = BitOperations.Log2((uint)scales.BlockSize),
                Offset = scales.Offset,
            };
        }
    }

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
