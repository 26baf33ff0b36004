using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Gguf;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Export;

/// <summary>The bytes of a GGUF file's tensors, a few rows at a time.</summary>
internal static class GgufValues
{
    /// <summary>Writes (1 + weight) · factor in fp32.</summary>
    public static void WriteNorm(Tensor source, float factor, Checkpoint checkpoint, Stream destination)
    {
        foreach (var (_, values) in Chunks(source, checkpoint))
        {
            for (int i = 0; i < values.Length; i++) values[i] = (values[i] + 1) * factor;
            destination.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        }
    }

    /// <summary>Writes a matrix in another type.</summary>
    /// <exception cref="LapidaryException">A value is not finite, in the checkpoint or in the new type.</exception>
    public static void WriteMatrix(Tensor source, GgmlType type, Checkpoint checkpoint, Stream destination)
    {
        long first = 0;
        foreach (var (chunk, values) in Chunks(source, checkpoint))
        {
            byte[] bytes = new byte[type.LengthBytes(values.Length)];
            if (type is GgmlType.Q8_0 or GgmlType.Q4_0) GgmlBlocks.Quantize(values, type, bytes);
            else Convert(values, type, bytes, source.Name, first, checkpoint.Folder);
            destination.Write(bytes);
            first += chunk.Count;
        }

        checkpoint.Release(source.Name);
    }

    private static void Convert(float[] values, GgmlType type, byte[] bytes, string name, long first, string folder)
    {
        var dtype = type switch
        {
            GgmlType.F16 => DType.Float16,
            GgmlType.Bf16 => DType.BFloat16,
            _ => DType.Float32,
        };
        FloatConversion.FromSingle(values, dtype, bytes);
        if (TensorStream.AreFinite(bytes, dtype)) return;
        float[] rounded = new float[values.Length];
        FloatConversion.ToSingle(bytes, dtype, rounded);
        int at = Array.FindIndex(rounded, value => !float.IsFinite(value));
        throw new LapidaryException(
            $"{folder}: tensor {name}: {values[at]:R} at element {first + at} is beyond the range of {dtype}; choose the type bf16.");
    }

    private static IEnumerable<(Tensor Chunk, float[] Values)> Chunks(Tensor source, Checkpoint checkpoint)
    {
        TensorStream.RequireFinite(source, backend: null, checkpoint.Folder);
        foreach (var chunk in TensorStream.Chunks(source))
        {
            float[] values = new float[chunk.Count];
            FloatConversion.ToSingle(chunk.AsBytes(), chunk.DType, values);
            yield return (chunk, values);
        }
    }
}
