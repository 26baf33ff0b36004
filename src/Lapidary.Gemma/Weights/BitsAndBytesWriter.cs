using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;

namespace Lapidary.Gemma.Weights;

/// <summary>The tensors of a 4-bit weight in a bitsandbytes checkpoint, with the same bytes as in files by bitsandbytes.</summary>
/// <remarks>Files from Python order all tensors of a checkpoint by <see cref="SafetensorsOrder"/>; the quantization_config of config.json
/// is <see cref="BitsAndBytesConfig.ToJson"/>.</remarks>
internal static class BitsAndBytesWriter
{
    /// <summary>The four tensors of a weight, or six under double quantization.</summary>
    /// <param name="weight">NF4 [out, in], valid until all tensors are written; its name is that of the checkpoint.</param>
    /// <param name="dtype">fp32, bf16 or fp16: the original type, to which bitsandbytes dequantizes.</param>
    /// <param name="backend">The backend of the weight's memory.</param>
    /// <exception cref="ShapeException">The weight is not an NF4 matrix with scales.</exception>
    public static IReadOnlyList<TensorContent> Tensors(Tensor weight, DType dtype, IBackend backend)
    {
        if (weight is not { DType: DType.NF4, Shape: [var rows, var columns], Scales: { } scales })
        {
            throw new ShapeException(nameof(BitsAndBytesWriter), nameof(weight), "NF4 [out, in] with scales", weight);
        }

        string name = weight.Name;
        var state = new BitsAndBytesQuantState(scales.BlockSize, dtype, rows, columns, scales.IsNested ? scales.Offset : null);
        var tensors = new List<TensorContent>
        {
            Of(name, "U8", weight, backend, weight.LengthBytes, 1),
            Of(name + BitsAndBytesReader.AbsmaxSuffix, scales.Absmax, backend),
        };
        if (scales is { NestedAbsmax: { } nestedAbsmax, NestedCode: { } nestedCode })
        {
            tensors.Add(Of(name + BitsAndBytesReader.NestedAbsmaxSuffix, nestedAbsmax, backend));
            tensors.Add(Of(name + BitsAndBytesReader.NestedMapSuffix, nestedCode, backend));
        }

        tensors.Add(
            Managed(name + BitsAndBytesReader.MapSuffix, "F32", Nf4Code.Values.Length, MemoryMarshal.AsBytes(Nf4Code.Values).ToArray()));
        byte[] json = state.ToUtf8();
        tensors.Add(Managed(name + BitsAndBytesReader.StateSuffix, "U8", json.Length, json));
        return tensors;
    }

    private static TensorContent Of(string name, Tensor tensor, IBackend backend) =>
        Of(name, DTypeNames.ToSafetensors(tensor.DType), tensor, backend, tensor.Shape);

    private static TensorContent Of(string name, string dtype, Tensor tensor, IBackend backend, params ReadOnlySpan<long> shape)
    {
        var bytes = new Tensor(tensor.Address, DType.UInt8, tensor.LengthBytes);
        return new TensorContent(new TensorDeclaration(name, dtype, shape), stream => TensorStream.Write(bytes, stream, backend));
    }

    private static TensorContent Managed(string name, string dtype, long count, byte[] bytes) =>
        new(new TensorDeclaration(name, dtype, count), stream => stream.Write(bytes));
}
