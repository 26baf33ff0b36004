using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>The lock for writing a content, held by one process at a time. On Unix it is the flock that Python's filelock uses.</summary>
internal sealed class CacheLock : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly FileStream _stream;

    private CacheLock(FileStream stream) => _stream = stream;

    /// <summary>Waits for a lock. The lock file is never deleted, because that would break the lock for waiting processes.</summary>
    /// <param name="path">The lock's file.</param>
    /// <param name="time">Clock for waits.</param>
    /// <param name="note">Called once if another process holds the lock for long.</param>
    /// <param name="cancellation">Cancels the wait.</param>
    public static async Task<CacheLock> AcquireAsync(
        string path, TimeProvider time, Action<string>? note, CancellationToken cancellation)
    {
        long start = time.GetTimestamp();
        bool isNoted = false;
        while (true)
        {
            if (TryAcquire(path) is { } held) return held;
            if (!isNoted && time.GetElapsedTime(start) > Patience)
            {
                note?.Invoke($"{path}: another process fetches this file; waiting for it.");
                isNoted = true;
            }

            await Task.Delay(Poll, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the lock if it is free; otherwise returns null.</summary>
    public static CacheLock? TryAcquire(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var options = new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 0,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
                    | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;
            }

            return new CacheLock(new FileStream(path, options));
        }
        catch (IOException e) when (FileErrors.IsHeldByAnother(e))
        {
            return null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _stream.Dispose();
}
