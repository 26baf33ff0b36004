using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
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

    /// <summary>Writes an fp32 tensor, all of whose values must be finite.</summary>
    /// <param name="tensor">On the backend.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="backend">The backend.</param>
    /// <param name="dtype">The type to write, rounded to the nearest.</param>
    /// <exception cref="LapidaryException">A value is not finite, in fp32 or in the type to write.</exception>
    public static void WriteFinite(Tensor tensor, Stream destination, IBackend backend, DType dtype = DType.Float32)
    {
        byte[] buffer = [], rounded = [];
        long first = 0;
        foreach (var rows in Chunks(tensor))
        {
            if (buffer.Length != rows.LengthBytes) buffer = new byte[rows.LengthBytes];
            backend.Read<byte>(rows, buffer);
            if (NonFinite(MemoryMarshal.Cast<byte, float>(buffer), first) is { } found)
            {
                throw new LapidaryException(
                    $"Tensor {tensor.Name} holds {found}: training has diverged, and nothing is written. "
                    + "Lower LearningRate or WeightDecay, and go on from an earlier checkpoint.");
            }

            if (dtype == DType.Float32)
            {
                destination.Write(buffer);
            }
            else
            {
                if (rounded.Length != dtype.LengthBytes(rows.Count)) rounded = new byte[dtype.LengthBytes(rows.Count)];
                FloatConversion.FromSingle(MemoryMarshal.Cast<byte, float>(buffer), dtype, rounded);
                if (!AreFinite(rounded, dtype))
                {
                    throw new LapidaryException(
                        $"Tensor {tensor.Name} holds a number that {dtype} cannot represent; set DType to float32.");
                }

                destination.Write(rounded);
            }

            first += rows.Count;
        }
    }

    /// <summary>The first value that is not finite, and its place; null if all values are finite.</summary>
    /// <param name="tensor">Of any floating type.</param>
    /// <param name="backend">Where it lies; null for host memory.</param>
    public static string? NonFinite(Tensor tensor, IBackend? backend)
    {
        byte[] raw = [];
        float[] values = [];
        long first = 0;
        foreach (var rows in Chunks(tensor))
        {
            if (backend is not null)
            {
                if (raw.Length != rows.LengthBytes) raw = new byte[rows.LengthBytes];
                backend.Read<byte>(rows, raw);
            }

            var bytes = backend is null ? rows.AsBytes() : raw;
            if (!AreFinite(bytes, rows.DType))
            {
                if (values.Length != rows.Count) values = new float[rows.Count];
                FloatConversion.ToSingle(bytes, rows.DType, values);
                if (NonFinite(values, first) is { } found) return found;
            }

            first += rows.Count;
        }

        return null;
    }

    /// <summary>Refuses a base's weight with a number that is not finite.</summary>
    /// <param name="source">Of any floating type.</param>
    /// <param name="backend">Where it lies; null for host memory.</param>
    /// <param name="folder">The base.</param>
    /// <exception cref="LapidaryException">A number is not finite.</exception>
    public static void RequireFinite(Tensor source, IBackend? backend, string folder)
    {
        if (NonFinite(source, backend) is { } found)
            throw new LapidaryException($"{folder}: tensor {source.Name} holds {found}, expected finite numbers; use another model.");
    }

    /// <summary>Whether all values of a floating type are finite numbers: no exponent has all bits set.</summary>
    public static bool AreFinite(ReadOnlySpan<byte> bytes, DType dtype) => dtype switch
    {
        DType.Float32 => !AnyHas(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u),
        DType.Float16 => !AnyHas(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7C00),
        _ => !AnyHas(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7F80),
    };

    private static bool AnyHas<T>(ReadOnlySpan<T> values, T mask)
        where T : unmanaged, IBinaryInteger<T>
    {
        var masks = new Vector<T>(mask);
        int i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[i..]) & masks, masks)) return true;
        }

        for (; i < values.Length; i++)
        {
            if ((values[i] & mask) == mask) return true;
        }

        return false;
    }

    /// <summary>The same for values that start at a place in a tensor.</summary>
    public static string? NonFinite(ReadOnlySpan<float> values, long first = 0)
    {
        int i = 0;
        var zero = Vector<float>.Zero;
        var sum = zero; // of 0 · x, which is NaN where an x is not finite
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count) sum += new Vector<float>(values[i..]) * zero;
        for (i = sum == zero ? i : 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i])) return string.Create(CultureInfo.InvariantCulture, $"{values[i]} at element {first + i}");
        }

        return null;
    }

    /// <summary>Fills an fp32 tensor from a file's tensor of any floating type and the same shape.</summary>
    /// <exception cref="LapidaryException">It is missing, of another type or shape, or not all finite.</exception>
    public static void Load(SafetensorsFile file, string name, Tensor target, IBackend backend) =>
        WidenHost(Find(file, name, target.Shape), target, backend);

    /// <summary>A file's tensor of any floating type, to be widened.</summary>
    /// <exception cref="LapidaryException">It is missing, of another type or shape, or not all finite.</exception>
    public static Tensor Find(SafetensorsFile file, string name, ReadOnlySpan<long> shape)
    {
        var source = file.Get(name);
        if (!source.Shape.SequenceEqual(shape))
        {
            throw new LapidaryException(
                $"{file.Path}: tensor {name} has shape [{string.Join(", ", source.Shape.ToArray())}], expected "
                + $"[{string.Join(", ", shape.ToArray())}]; the file belongs to another model or adapter.");
        }

        if (!source.DType.IsFloatingPoint())
        {
            throw new LapidaryException($"{file.Path}: tensor {name} is {source.DType}, expected F32, BF16 or F16.");
        }

        if (NonFinite(source, backend: null) is { } found)
        {
            throw new LapidaryException(
                $"{file.Path}: tensor {name} holds {found}, expected finite numbers; use another one or an earlier checkpoint.");
        }

        return source;
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

    /// <summary>Whether two weights in host memory have the same type, shape and bytes.</summary>
    public static bool AreEqual(Tensor a, Tensor b) => a.DType == b.DType && a.Shape.SequenceEqual(b.Shape)
        && Chunks(a).Zip(Chunks(b)).All(pair => pair.First.AsBytes().SequenceEqual(pair.Second.AsBytes()));

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
