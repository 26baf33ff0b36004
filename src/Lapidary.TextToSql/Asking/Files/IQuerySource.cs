using Lapidary.Formats;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Data that can be queried, by any number of threads: each query has a connection of its own, which can only read.</summary>
internal interface IQuerySource : IDisposable
{
    /// <summary>What a user may not expect, one line each.</summary>
    IReadOnlyList<string> Notes { get; }

    /// <summary>Becomes another where what is queried may have changed.</summary>
    object Version { get; }

    /// <summary>Opens a connection under the guard and reads from it.</summary>
    /// <param name="limits">What statements may take.</param>
    /// <param name="read">Reads; may be called again where the file changed meanwhile.</param>
    /// <param name="cancellationToken">Stops the statement that runs.</param>
    /// <exception cref="LapidaryException">The file cannot be read; the message names it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    T Read<T>(GuardLimits limits, Func<GuardedDatabase, T> read, CancellationToken cancellationToken);
}
