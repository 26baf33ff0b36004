using System.Globalization;
using System.Numerics;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Conversion;

/// <summary>The bytes of merged weights, computed a few rows at a time in host memory.</summary>
internal static class MergedWeight
{
    /// <summary>Writes W + s·B·A, summed in fp32 and rounded once.</summary>
    /// <param name="weight">[out, in]; if it is NF4, its NF4 values are used.</param>
    /// <param name="quantization">If given, a 16- or 32-bit weight is first rounded to its NF4 values.</param>
    /// <param name="adapter">A [r, in], B [out, r] and s; null for W alone.</param>
    /// <param name="dtype">Type of the output.</param>
    /// <param name="destination">Receives the rows.</param>
    /// <param name="backend">The device that quantizes.</param>
    public static void Write(
        Tensor weight, Nf4Options? quantization, LoraAdapter? adapter, DType dtype, Stream destination, CpuBackend backend)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        if (quantization is not null || weight.DType == DType.NF4)
        {
            var quantized = weight.DType == DType.NF4 ? weight : backend.QuantizeNf4(weight, quantization!, region);
            weight = region.New(weight.Name, DType.Float32, weight.Shape);
            Nf4Quantizer.Dequantize(quantized, weight);
        }

        int columns = checked((int)weight.Shape[1]);
        long row = 0;
        foreach (var chunk in TensorStream.Chunks(weight))
        {
            float[] values = new float[chunk.Count];
            FloatConversion.ToSingle(chunk.AsBytes(), chunk.DType, values);
            if (adapter is not null) AddUpdate(values, columns, row, adapter);
            Emit(values, weight.Name, row * columns, dtype, destination);
            row += chunk.Shape[0];
        }
    }

    /// <summary>Writes a tensor in another type.</summary>
    public static void Convert(Tensor source, DType dtype, Stream destination)
    {
        long first = 0;
        foreach (var chunk in TensorStream.Chunks(source))
        {
            float[] values = new float[chunk.Count];
            FloatConversion.ToSingle(chunk.AsBytes(), chunk.DType, values);
            Emit(values, source.Name, first, dtype, destination);
            first += values.Length;
        }
    }

    /// <summary>values[i] += s · Σ_k B[first + i, k] · A[k], the sum first and then the factor, as PEFT does.</summary>
    private static void AddUpdate(float[] values, int columns, long firstRow, LoraAdapter adapter)
    {
        int rank = (int)adapter.A.Value.Shape[0];
        Parallel.For(0, values.Length / columns, row =>
        {
            float[] update = new float[columns];
            var b = adapter.B.Value.Rows(firstRow + row, 1).AsSpan<float>();
            for (int k = 0; k < rank; k++) AddScaled(adapter.A.Value.Rows(k, 1).AsSpan<float>(), b[k], update);
            AddScaled(update, adapter.Scale, values.AsSpan(row * columns, columns));
        });
    }

    private static void AddScaled(ReadOnlySpan<float> x, float factor, Span<float> y)
    {
        int i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(y[i..]) + new Vector<float>(x[i..]) * factor).CopyTo(y[i..]);
        }

        for (; i < x.Length; i++) y[i] += x[i] * factor;
    }

    /// <summary>The text of the merge check touches few rows of an embedding, so numbers that are not finite must be found here.</summary>
    private static void Emit(float[] values, string name, long first, DType dtype, Stream destination)
    {
        byte[] bytes = new byte[dtype.LengthBytes(values.Length)];
        FloatConversion.FromSingle(values, dtype, bytes);
        if (!TensorStream.AreFinite(bytes, dtype)) throw NotFinite(values, name, first, dtype, bytes);
        destination.Write(bytes);
    }

    private static LapidaryException NotFinite(float[] values, string name, long first, DType dtype, byte[] bytes)
    {
        if (TensorStream.NonFinite(values, first) is { } found)
            return new($"Tensor {name} would hold {found}, expected finite numbers; nothing was written: use another base or adapter.");
        float[] rounded = new float[values.Length];
        FloatConversion.ToSingle(bytes, dtype, rounded);
        int i = Array.FindIndex(rounded, value => !float.IsFinite(value));
        return new(string.Create(
            CultureInfo.InvariantCulture,
            $"Tensor {name} would hold {values[i]} at element {first + i}, which is too large for {dtype}; nothing was written: "
            + $"choose a wider dtype."));
    }
}
