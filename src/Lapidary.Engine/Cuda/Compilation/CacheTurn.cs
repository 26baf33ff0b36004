using System.Collections.Concurrent;
using Lapidary.Formats.Files;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>The turn to create a cache entry. Ranks that start together, as threads or processes of one machine, need the same entries at
/// the same time: one creates each entry, and the others wait for it.</summary>
/// <remarks>For products this affects the bits of a run: two ranks that time a product at the same time may choose different
/// algorithms.</remarks>
internal sealed class CacheTurn : IDisposable
{
    /// <summary>Longest wait for another process; longer than any entry takes.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private static readonly ConcurrentDictionary<string, Lock> Locks = [];

    private readonly Lock _lock;
    private readonly FileStream? _file;

    private CacheTurn(Lock held, FileStream? file) => (_lock, _file) = (held, file);

    /// <summary>Waits for the turn.</summary>
    /// <param name="folder">Folder of the cache; null if only threads of this process share it.</param>
    /// <param name="key">Key of the entry.</param>
    public static CacheTurn Take(string? folder, string key)
    {
        var held = Locks.GetOrAdd($"{folder}/{key}", _ => new Lock());
        held.Enter();
        return new CacheTurn(held, folder is null ? null : TryLock(folder, key));
    }

    /// <summary>Ends the turn.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _lock.Exit();
    }

    /// <summary>Locks one of a few files. They are never deleted, because two processes could hold a deleted one. Null if the file system
    /// has no locks; at worst an entry is then created twice.</summary>
    private static FileStream? TryLock(string folder, string key)
    {
        try
        {
            string path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "locks")).FullName, key[..1]);
            for (var waited = TimeSpan.Zero; waited < Limit; waited += Pause)
            {
                try
                {
                    return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                }
                catch (IOException e) when (FileErrors.IsHeldByAnother(e))
                {
                    Thread.Sleep(Pause);
                }
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            // The folder is not writable, so nothing is kept there either.
        }

        return null;
    }
}
