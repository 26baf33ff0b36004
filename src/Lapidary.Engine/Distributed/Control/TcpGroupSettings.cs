namespace Lapidary.Engine.Distributed.Control;

/// <summary>What a group needs to know besides its connections.</summary>
/// <param name="Place">Who started the ranks.</param>
/// <param name="WaitLimit">How long one may wait for another that is not busy.</param>
/// <param name="Times">Other limits.</param>
/// <param name="Lost">Told once why all end.</param>
internal sealed record TcpGroupSettings(LaunchPlace Place, TimeSpan WaitLimit, ControlTimes Times, Action<string> Lost)
{
    /// <summary>Called where a group ends because all is done, and not because a rank failed.</summary>
    public Action? Done { get; init; }
}
