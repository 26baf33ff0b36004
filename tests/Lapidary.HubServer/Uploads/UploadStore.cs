using System.Security.Cryptography;
using Lapidary.TestHub.Content;

namespace Lapidary.TestHub.Uploads;

/// <summary>Where uploads come to lie: small ones in memory, others in a folder that goes with the server.</summary>
internal sealed class UploadStore(string folder, bool discards) : IDisposable
{
    private const long LargestInMemory = 1 << 20;
    private int _count;

    public bool Discards => discards;

    /// <summary>Reads a body to its end, but not past <paramref name="limit"/> bytes.</summary>
    /// <returns>Content and SHA-256; the content is null where the body was longer than the limit.</returns>
    public async Task<(HubContent? Content, string Sha256)> ReadAsync(Stream body, long limit, CancellationToken cancel)
    {
        bool inMemory = limit <= LargestInMemory;
        string? path = inMemory || discards ? null : Path.Combine(folder, $"{Interlocked.Increment(ref _count)}.part");
        await using Stream target = path is not null ? File.Create(path, 1 << 16) : inMemory ? new MemoryStream() : Stream.Null;
        await using var sha = new HashStream(HashAlgorithmName.SHA256, next: target);
        byte[] buffer = new byte[1 << 17];
        for (int read; (read = await body.ReadAsync(buffer, cancel)) > 0;)
        {
            if (sha.Position + read > limit) return (null, "");
            await sha.WriteAsync(buffer.AsMemory(0, read), cancel);
        }

        string sha256 = sha.ToHex();
        if (path is not null) await target.FlushAsync(cancel);
        HubContent content = path is not null ? new FileContent(path)
            : target is MemoryStream memory ? HubContent.FromBytes(memory.ToArray()) : new ForgottenContent(sha.Position, sha256);
        return (content, sha256);
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody tidied the temporary folder.
        }
    }
}
