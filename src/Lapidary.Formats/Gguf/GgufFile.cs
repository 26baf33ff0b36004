using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Formats.Gguf;

/// <summary>Writes GGUF files, version 3: keys, then the list of tensors, then their values, each at a multiple of 32 bytes.</summary>
internal static class GgufFile
{
    private const int Version = 3, Alignment = 32, MaxNameBytes = 63, MaxDimensions = 4;

    /// <summary>Writes a file, which appears under its name only when it is complete.</summary>
    /// <param name="path">The file; an existing one is replaced at the end.</param>
    /// <param name="metadata">Keys and values.</param>
    /// <param name="tensors">In the order of the file.</param>
    /// <param name="onWritten">Called after each tensor with the number written so far.</param>
    /// <returns>Bytes of the file.</returns>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public static long Write(string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, Action<int>? onWritten = null)
    {
        byte[] header = Header(metadata, tensors);
        long length = header.Length + tensors.Sum(tensor => Padded(tensor.LengthBytes));
        using var file = AtomicFile.Create(path, length);
        file.Write(header);
        for (int i = 0; i < tensors.Count; i++)
        {
            long start = file.Position, expected = tensors[i].LengthBytes;
            file.Write(tensors[i].WriteTo);
            if (file.Position - start != expected)
                throw new InvalidOperationException($"{tensors[i].Name}: expected {expected} bytes, found {file.Position - start}.");
            file.Write(new byte[Padded(expected) - expected]);
            onWritten?.Invoke(i + 1);
        }

        file.Commit();
        return length;
    }

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var header = new MemoryStream();
        using var writer = new BinaryWriter(header);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((long)tensors.Count);
        writer.Write((long)metadata.Count);
        writer.Write(metadata.Bytes);
        long offset = 0;
        foreach (var tensor in tensors)
        {
            byte[] name = Encoding.UTF8.GetBytes(tensor.Name);
            if (name.Length > MaxNameBytes || tensor.Shape.Length > MaxDimensions || tensor.Shape[^1] % tensor.Type.BlockSize() != 0)
            {
                throw new ArgumentException(
                    $"{tensor.Name} {tensor.Type} [{string.Join(", ", tensor.Shape)}] has no place in a GGUF file.", nameof(tensors));
            }

            writer.Write((long)name.Length);
            writer.Write(name);
            writer.Write(tensor.Shape.Length);
            foreach (long size in tensor.Shape.Reverse()) writer.Write(size); // fastest first
            writer.Write((int)tensor.Type);
            writer.Write(offset);
            offset += Padded(tensor.LengthBytes);
        }

        writer.Write(new byte[Padded(header.Length) - header.Length]);
        writer.Flush();
        return header.ToArray();
    }

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;
}
