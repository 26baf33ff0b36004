using System.Collections.Concurrent;
using Lapidary.Formats.Files;

namespace Lapidary.Engine.Cuda.Compilation;

/// <summary>The turn to make an entry of the cache: ranks that start together, as threads or as processes of one machine, need the same
/// entries at the same time. One makes each, and the others wait for it.</summary>
/// <remarks>Of products this decides which bits a run has: two ranks that time a product at once may find different algorithms the
/// fastest.</remarks>
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
    /// <param name="folder">Of the cache; null where only threads of this process share it.</param>
    /// <param name="key">Of the entry.</param>
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

    /// <summary>Locks one of few files, which stay: a deleted one could be held by two. Null where the file system locks nothing; an entry
    /// is then made twice at worst.</summary>
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
            // No folder that can be written: nothing is kept there either.
        }

        return null;
    }
}
