using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Training.Data.Storage;

/// <summary>SHA-256 of texts, in lower-case hexadecimal. Nobody can construct two data sets with the same hash.</summary>
internal static class HashText
{
    /// <summary>Hash of several texts. Each is hashed with its length, so that two different lists never have the same input.</summary>
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
