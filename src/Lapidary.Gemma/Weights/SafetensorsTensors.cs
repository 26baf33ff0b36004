using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma;

/// <summary>Safetensors files as the engine's tensors.</summary>
public static class SafetensorsTensors
{
    /// <summary>The engine's type, or null for a type that only passes through as bytes.</summary>
    /// <param name="dtype">The type as safetensors spells it: "BF16".</param>
    public static DType? ToEngine(string dtype) => dtype switch
    {
        "F32" => DType.Float32,
        "BF16" => DType.BFloat16,
        "F16" => DType.Float16,
        "U8" => DType.UInt8,
        "I32" => DType.Int32,
        "I64" => DType.Int64,
        _ => null,
    };

    /// <summary>The name in a file's header.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NF4, which is stored as U8 codes beside its scales.</exception>
    public static string FromEngine(DType dtype) => dtype switch
    {
        DType.Float32 => "F32",
        DType.BFloat16 => "BF16",
        DType.Float16 => "F16",
        DType.UInt8 => "U8",
        DType.Int32 => "I32",
        DType.Int64 => "I64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "No safetensors type."),
    };

    /// <summary>The tensor over the mapped bytes, valid until the file is disposed. Where the bytes are not aligned to the element type
    /// they are copied once to memory that the file owns, since kernels need aligned elements.</summary>
    /// <param name="file">An open file.</param> <param name="name">The tensor's name in it.</param>
    /// <exception cref="LapidaryException">There is no such tensor, its type is none the engine has, or it has no elements.</exception>
    public static Tensor Get(this SafetensorsFile file, string name)
    {
        var entry = file.Entry(name);
        if (ToEngine(entry.DType) is not { } dtype)
        {
            throw new LapidaryException($"{file.Path}: tensor {FileErrors.OneLine(name)}: expected BF16, F32, F16, U8, I32 or I64, "
                + $"found {FileErrors.OneLine(entry.DType)}; convert the checkpoint to bfloat16 first.");
        }

        if (entry.LengthBytes == 0)
        {
            throw new LapidaryException($"{file.Path}: tensor {FileErrors.OneLine(name)}: expected at least one element, "
                + $"found shape [{string.Join(", ", entry.Shape)}]; download or save the file again.");
        }

        nint address = file.AlignedAddress(entry, (int)dtype.LengthBytes(1));
        return new Tensor(address, dtype, entry.Shape.AsSpan()) { Name = name };
    }

    /// <summary>Announces a tensor under a name of its own or the tensor's.</summary>
    public static TensorDeclaration Declare(this Tensor tensor, string? name = null) =>
        new(name ?? tensor.Name, FromEngine(tensor.DType), tensor.Shape);

    /// <summary>Writes the next tensor of a file from host memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public static void Write(this SafetensorsWriter writer, string name, Tensor tensor) =>
        writer.Write(name, tensor.Address, tensor.LengthBytes);

    /// <summary>Writes the next tensor of a checkpoint from host memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public static void Write(this ShardedWriter writer, string name, Tensor tensor) =>
        writer.Write(name, tensor.Address, tensor.LengthBytes);
}
