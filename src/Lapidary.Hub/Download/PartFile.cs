using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;

namespace Lapidary.Hub.Download;

/// <summary>The first bytes of a content on this machine, and their hash. It stays if a download ends early, and the next download
/// continues it, in this process or another.</summary>
internal sealed class PartFile : IDisposable
{
    private PartFile(FileStream stream, RepoFile file) => (Stream, File, Hash) = (stream, file, new ContentHash(file.Etag, file.Size));

    /// <summary>The file.</summary>
    public FileStream Stream { get; }

    /// <summary>The content that it will become.</summary>
    public RepoFile File { get; }

    /// <summary>The hash of the bytes so far.</summary>
    public ContentHash Hash { get; }

    /// <summary>Number of bytes so far.</summary>
    public long Length { get; set; }

    /// <summary>Opens or creates a part; the caller holds its lock.</summary>
    /// <exception cref="Formats.LapidaryException">It cannot be created or read.</exception>
    public static PartFile Open(string path, RepoFile file, CancellationToken cancellation)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var stream = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Read,
                BufferSize = 0,
            });
            var part = new PartFile(stream, file);
            try
            {
                if (stream.Length > file.Size) part.Clear();
                part.Length = stream.Length;
                part.Hash.Append(stream, part.Length, cancellation);
                return part;
            }
            catch
            {
                part.Dispose();
                throw;
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>Restarts with no bytes.</summary>
    public void Clear()
    {
        Stream.SetLength(0);
        Length = 0;
        Hash.Finish();
    }

    /// <summary>Appends the next bytes without hashing them.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(Stream.SafeFileHandle, bytes, Length);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(Stream.Name, e);
        }

        Length += bytes.Length;
    }

    /// <summary>Closes the file; it stays.</summary>
    public void Dispose()
    {
        Stream.Dispose();
        Hash.Dispose();
    }
}
