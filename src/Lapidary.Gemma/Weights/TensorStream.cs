using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Weights;

/// <summary>Moves tensors between a backend's memory, files and element types, some megabytes at a time.</summary>
internal static class TensorStream
{
    private const int ChunkBytes = 4 << 20;

    /// <summary>Writes a tensor's bytes.</summary>
    public static void Write(Tensor tensor, Stream destination, IBackend backend)
    {
        byte[] buffer = [];
        foreach (var rows in Chunks(tensor))
        {
            if (buffer.Length != rows.LengthBytes) buffer = new byte[rows.LengthBytes];
            backend.Read<byte>(rows, buffer);
            destination.Write(buffer);
        }
    }

    /// <summary>Fills an fp32 tensor from a file's tensor of any floating type and the same shape.</summary>
    /// <exception cref="LapidaryException">It is missing, or of another type or shape.</exception>
    public static void Load(SafetensorsFile file, string name, Tensor target, IBackend backend)
    {
        var source = file.Get(name);
        if (!source.Shape.SequenceEqual(target.Shape))
        {
            throw new LapidaryException(
                $"{file.Path}: tensor {name} has shape [{string.Join(", ", source.Shape.ToArray())}], expected "
                + $"[{string.Join(", ", target.Shape.ToArray())}]; the file belongs to another model or adapter.");
        }

        if (!source.DType.IsFloatingPoint())
        {
            throw new LapidaryException($"{file.Path}: tensor {name} is {source.DType}, expected F32, BF16 or F16.");
        }

        WidenHost(source, target, backend);
    }

    /// <summary>Widens a weight in host memory, of any floating type, into a backend's fp32 tensor of the same shape.</summary>
    public static void WidenHost(Tensor source, Tensor target, IBackend backend)
    {
        float[] values = [];
        foreach (var (from, to) in Chunks(source).Zip(Chunks(target)))
        {
            if (values.Length != from.Count) values = new float[from.Count];
            FloatConversion.ToSingle(from.AsBytes(), from.DType, values);
            backend.Write<float>(values, to);
        }
    }

    /// <summary>Widens a backend's weight of any floating type into an fp32 tensor of the same shape.</summary>
    public static void Widen(Tensor source, Tensor target, IBackend backend)
    {
        byte[] raw = [];
        float[] values = [];
        foreach (var (from, to) in Chunks(source).Zip(Chunks(target)))
        {
            if (raw.Length != from.LengthBytes) (raw, values) = (new byte[from.LengthBytes], new float[from.Count]);
            backend.Read<byte>(from, raw);
            FloatConversion.ToSingle(raw, from.DType, values);
            backend.Write<float>(values, to);
        }
    }

    /// <summary>Converts between floating types, both in host memory.</summary>
    public static void Convert(Tensor source, Tensor target)
    {
        float[] values = [];
        foreach (var (from, to) in Chunks(source).Zip(Chunks(target)))
        {
            if (values.Length != from.Count) values = new float[from.Count];
            FloatConversion.ToSingle(from.AsBytes(), from.DType, values);
            FloatConversion.FromSingle(values, to.DType, to.AsBytes());
        }
    }

    /// <summary>The tensor in runs of rows of about a megabyte of elements, the same for every type.</summary>
    internal static IEnumerable<Tensor> Chunks(Tensor tensor)
    {
        long rowElements = tensor.Count / tensor.Shape[0], rows = Math.Max(1, ChunkBytes / 4 / rowElements);
        for (long row = 0; row < tensor.Shape[0]; row += rows) yield return tensor.Rows(row, Math.Min(rows, tensor.Shape[0] - row));
    }
}
