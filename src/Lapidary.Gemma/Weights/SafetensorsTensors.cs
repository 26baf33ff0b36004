using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Weights;

/// <summary>Safetensors files as the engine's tensors.</summary>
internal static class SafetensorsTensors
{
    /// <summary>The tensor over the mapped bytes, valid until the file is disposed. If the bytes are not aligned to the element type, they
    /// are copied once to memory that the file owns, because kernels need aligned elements.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="name">The tensor's name in it.</param>
    /// <exception cref="LapidaryException">The file has no tensor of this name, the engine does not support its type, or it has no
    /// elements.</exception>
    public static Tensor Get(this SafetensorsFile file, string name)
    {
        var entry = file.Entry(name);
        if (DTypeNames.FromSafetensors(entry.DType) is not { } dtype)
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

    /// <summary>Declares a tensor under a given name or the tensor's.</summary>
    public static TensorDeclaration Declare(this Tensor tensor, string? name = null) =>
        new(name ?? tensor.Name, DTypeNames.ToSafetensors(tensor.DType), tensor.Shape);

    /// <summary>Writes the next tensor of a file from host memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public static void Write(this SafetensorsWriter writer, string name, Tensor tensor) =>
        writer.Write(name, tensor.Address, tensor.LengthBytes);
}
