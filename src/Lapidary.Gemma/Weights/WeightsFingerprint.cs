using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Lapidary.Formats;

namespace Lapidary.Gemma.Weights;

/// <summary>Identifies a model's weights among others of the same names and shapes, by XXH128 over all bytes of the text part's tensors. It
/// is fast enough for every run, and protects against mistakes, not against forgery.</summary>
internal static class WeightsFingerprint
{
    /// <summary>Bytes of a piece. Pieces are hashed in parallel, and the result is the hash of their hashes.</summary>
    private const int PieceBytes = 8 << 20;

    /// <summary>32 hexadecimal digits. Names are hashed in canonical spelling and order, so the result does not depend on how the tensors
    /// are distributed over files.</summary>
    public static string Of(Checkpoint checkpoint, CancellationToken cancellationToken = default)
    {
        var tensors = new SortedDictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        foreach (var entry in checkpoint.Entries)
            if (TensorNames.TryNormalize(entry.Name, out string? name)) tensors.TryAdd(name, entry);
        (SafetensorsEntry Tensor, long Offset)[] pieces = [.. tensors.Values.SelectMany(Pieces)];
        var hashes = new UInt128[pieces.Length];
        Parallel.For(0, pieces.Length, new ParallelOptions { CancellationToken = cancellationToken }, i =>
            hashes[i] = Hash(checkpoint.FileOf(pieces[i].Tensor.Name), pieces[i].Tensor, pieces[i].Offset));

        var whole = new XxHash128();
        foreach (var (name, entry) in tensors)
        {
            whole.Append(Encoding.UTF8.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"{name} {entry.DType} [{string.Join(',', entry.Shape)}]\n")));
        }

        Span<byte> bytes = stackalloc byte[16];
        foreach (var hash in hashes)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, hash);
            whole.Append(bytes);
        }

        return Convert.ToHexStringLower(whole.GetCurrentHash());
    }

    private static IEnumerable<(SafetensorsEntry Tensor, long Offset)> Pieces(SafetensorsEntry entry)
    {
        for (long offset = 0; offset < entry.LengthBytes; offset += PieceBytes) yield return (entry, offset);
    }

    private static UInt128 Hash(SafetensorsFile file, SafetensorsEntry entry, long offset)
    {
        int length = (int)Math.Min(PieceBytes, entry.LengthBytes - offset);
        var hash = XxHash128.HashToUInt128(file.Bytes(entry, offset, length));
        file.ReleasePart(entry, offset, length); // else the whole file would count as this process's memory
        return hash;
    }
}
