using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Training.Data.Storage;

/// <summary>SHA-256 of texts, in lower-case hexadecimal: one that no data set that was made for it can have in common with
/// another.</summary>
internal static class HashText
{
    /// <summary>Of several texts, each of which goes in with its length, so that no two lists of texts hash alike.</summary>
    public static string Of(params IEnumerable<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        foreach (string text in texts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
