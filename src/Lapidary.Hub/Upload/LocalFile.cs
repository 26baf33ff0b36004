using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Hub.Upload;

/// <summary>A file to upload.</summary>
/// <param name="Path">Within the repository, with "/".</param>
/// <param name="LocalPath">Path on this machine.</param>
/// <param name="Size">Size in bytes when it was found.</param>
/// <param name="Modified">Time of the last write when it was found.</param>
internal sealed record LocalFile(string Path, string LocalPath, long Size, DateTime Modified)
{
    /// <summary>Number of first bytes that the Hub checks.</summary>
    public const int SampleBytes = 512;

    private const int BufferBytes = 1 << 18;

    /// <summary>Opens the file and checks that it is unchanged since it was found.</summary>
    /// <exception cref="LapidaryException">It cannot be read, or has changed.</exception>
    public FileStream OpenRead()
    {
        var stream = InputFile.OpenRead(LocalPath);
        try
        {
            RequireUnchanged(stream);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a file that another program is changing.</summary>
    /// <exception cref="LapidaryException">Its size or time changed since it was found.</exception>
    public void RequireUnchanged(FileStream stream)
    {
        if (stream.Length != Size || File.GetLastWriteTimeUtc(stream.SafeFileHandle) != Modified) throw Changed();
    }

    /// <summary>The error for a file whose content differs from the announced one.</summary>
    public LapidaryException Changed() =>
        new($"{LocalPath}: changed while it was sent; upload it again when nothing writes to it.");

    /// <summary>The first bytes.</summary>
    public byte[] ReadSample()
    {
        using var stream = OpenRead();
        byte[] sample = new byte[Math.Min(SampleBytes, Size)];
        int read = Reading(() => stream.ReadAtLeast(sample, sample.Length, throwOnEndOfStream: false));
        return read == sample.Length ? sample : throw Changed();
    }

    /// <summary>SHA-256 of the content, 64 hex digits: its id in LFS.</summary>
    public string Sha256(CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return Hash(hash, cancellation);
    }

    /// <summary>Git's SHA-1 of the content, 40 hex digits: the id of a file in git itself.</summary>
    public string GitSha1(CancellationToken cancellation)
    {
        // Git's names are SHA-1.
#pragma warning disable CA5350
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(GitHeader(Size));
        return Hash(hash, cancellation);
    }

    /// <summary>The prefix that git hashes before a content.</summary>
    public static byte[] GitHeader(long size) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {size}\0"));

    private string Hash(IncrementalHash hash, CancellationToken cancellation)
    {
        using var stream = OpenRead();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            long total = 0;
            while (Reading(() => stream.Read(buffer, 0, BufferBytes)) is > 0 and int read)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                total += read;
            }

            if (total != Size) throw Changed();
            RequireUnchanged(stream);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private int Reading(Func<int> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(LocalPath, e);
        }
    }
}
