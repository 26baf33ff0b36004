using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Hub.Cache;

/// <summary>The hash in a content's name: SHA-256 of an LFS file (64 hex digits), or git's SHA-1 of "blob LENGTH\0" and the content (40 hex
/// digits).</summary>
internal sealed class ContentHash : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly IncrementalHash _hash;
    private readonly long _size;

    /// <summary>Creates a hash.</summary>
    /// <param name="etag">The expected value.</param>
    /// <param name="size">Bytes of the content.</param>
    public ContentHash(string etag, long size)
    {
        (Etag, _size) = (etag, size);
        _hash = IncrementalHash.CreateHash(etag.Length == 40 ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        Begin();
    }

    /// <summary>The expected value.</summary>
    public string Etag { get; }

    /// <summary>A hash in the form of messages.</summary>
    public static string Describe(string etag) => etag.Length == 40 ? $"git's sha1 hash {etag}" : $"the sha256 hash {etag}";

    /// <summary>Whether a text is a content's name, that is, a hash.</summary>
    public static bool IsEtag(string? text) => text is { Length: 40 or 64 } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Adds the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>Adds the first bytes of a file.</summary>
    public void Append(FileStream file, long count, CancellationToken cancellation)
    {
        byte[] buffer = new byte[(int)Math.Min(BufferBytes, Math.Max(count, 1))];
        file.Position = 0;
        while (count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = file.Read(buffer, 0, (int)Math.Min(buffer.Length, count));
            if (read == 0) throw new EndOfStreamException("the file became shorter");
            _hash.AppendData(buffer, 0, read);
            count -= read;
        }
    }

    /// <summary>The hash of all added bytes; resets the hash.</summary>
    public string Finish()
    {
        string hash = Convert.ToHexStringLower(_hash.GetHashAndReset());
        Begin();
        return hash;
    }

    /// <summary>Whether a file's content matches its name.</summary>
    public static bool Verify(string path, string etag, long size, CancellationToken cancellation)
    {
        using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan });
        if (file.Length != size) return false;
        using var hash = new ContentHash(etag, size);
        hash.Append(file, size, cancellation);
        return hash.Finish() == etag;
    }

    /// <summary>Frees the hash.</summary>
    public void Dispose() => _hash.Dispose();

    private void Begin()
    {
        if (Etag.Length == 40) _hash.AppendData(Encoding.ASCII.GetBytes($"blob {_size}\0"));
    }
}
