namespace Lapidary.Engine;

/// <summary>A step's calls captured by a backend that can queue them all at once.</summary>
public interface IReplay : IDisposable
{
    /// <summary>Whether memory that the captured work uses has moved, so that it must be captured again.</summary>
    bool IsStale { get; }

    /// <summary>Queues the work.</summary>
    void Run();
}
