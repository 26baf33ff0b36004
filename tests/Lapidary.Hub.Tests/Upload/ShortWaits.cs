namespace Lapidary.Hub.Tests.Upload;

/// <summary>A clock whose waits take hardly any time.</summary>
internal sealed class ShortWaits : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : dueTime / 100, period);
}
