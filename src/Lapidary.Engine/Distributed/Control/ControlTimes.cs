namespace Lapidary.Engine.Distributed.Control;

/// <summary>Time limits of the control channel; tests use shorter ones.</summary>
internal sealed record ControlTimes
{
    /// <summary>Interval of the signs of life at each end of a connection.</summary>
    public TimeSpan Beat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A rank that sends nothing for this long is lost.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Time for a frame from a process that has not proved its identity.</summary>
    public TimeSpan Frame { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for the answer to a last message.</summary>
    public TimeSpan Goodbye { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long an error reported by a rank is held back. If another rank died, that is the cause, and the end of its connection
    /// shows it soon.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long to wait for a port that an ending run still uses.</summary>
    public TimeSpan PortInUse { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time until the name of rank 0's machine can be resolved on that machine.</summary>
    public TimeSpan OwnName { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between two tries to reach rank 0.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(2);
}
