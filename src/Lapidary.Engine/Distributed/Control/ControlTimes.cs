namespace Lapidary.Engine.Distributed.Control;

/// <summary>Limits of time of the control channel; tests have shorter ones.</summary>
internal sealed record ControlTimes
{
    /// <summary>How often each end of a connection says that it lives.</summary>
    public TimeSpan Beat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A rank from which nothing comes for this long is lost.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>For a frame of somebody who has not proved who it is.</summary>
    public TimeSpan Frame { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For the answer to a last message.</summary>
    public TimeSpan Goodbye { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long an error that a rank reports is held back: where another rank died, that is its cause, and the end of a connection
    /// shows it soon.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a port may be in use by a run that just ends.</summary>
    public TimeSpan PortInUse { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For the name of rank 0's machine to become known on that machine.</summary>
    public TimeSpan OwnName { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between two tries to reach rank 0.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(2);
}
