using System.Security.Cryptography;
using System.Text;
using Lapidary.TestHub.Content;

namespace Lapidary.TestHub;

/// <summary>What a file holds: bytes with the two hashes by which the Hub names them.</summary>
public abstract class HubContent
{
    private string? _sha256, _gitOid;

    /// <summary>Bytes.</summary>
    public abstract long Size { get; }

    /// <summary>SHA-256, 64 hex: the name of an LFS file's content.</summary>
    public string Sha256 => _sha256 ??= Hash(HashAlgorithmName.SHA256, "");

    /// <summary>Git's blob id, 40 hex: SHA-1 of "blob LENGTH\0" and the bytes.</summary>
    public string GitOid => _gitOid ??= Hash(HashAlgorithmName.SHA1, $"blob {Size}\0");

    /// <summary>The text of the LFS pointer that Git keeps in the content's place.</summary>
    public string LfsPointer => $"version https://git-lfs.github.com/spec/v1\noid sha256:{Sha256}\nsize {Size}\n";

    public static implicit operator HubContent(string text) => FromText(text);

    public static implicit operator HubContent(byte[] bytes) => FromBytes(bytes);

    public static HubContent FromText(string text) => new BytesContent(Encoding.UTF8.GetBytes(text));

    public static HubContent FromBytes(byte[] bytes) => new BytesContent(bytes);

    /// <summary>A file on disk, read when it is asked for.</summary>
    public static HubContent FromFile(string path) => new FileContent(path);

    /// <summary>Bytes made on the fly, the same for the same size and seed: files of many GB cost no memory and no disk.</summary>
    public static HubContent Generate(long size, int seed = 0) => new GeneratedContent(size, seed);

    /// <summary>All bytes, for small contents.</summary>
    public byte[] ToArray()
    {
        var bytes = new MemoryStream();
        WriteToAsync(bytes, 0, Size, CancellationToken.None).GetAwaiter().GetResult();
        return bytes.ToArray();
    }

    /// <summary>The first bytes, at most <paramref name="count"/>.</summary>
    public byte[] Head(int count)
    {
        var bytes = new MemoryStream();
        WriteToAsync(bytes, 0, Math.Min(count, Size), CancellationToken.None).GetAwaiter().GetResult();
        return bytes.ToArray();
    }

    /// <summary>Writes <paramref name="count"/> bytes from <paramref name="offset"/> on.</summary>
    public abstract Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel);

    private protected virtual string Hash(HashAlgorithmName algorithm, string prefix)
    {
        using var stream = new HashStream(algorithm, prefix);
        WriteToAsync(stream, 0, Size, CancellationToken.None).GetAwaiter().GetResult();
        return stream.ToHex();
    }
}
