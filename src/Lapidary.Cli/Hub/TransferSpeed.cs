namespace Lapidary.Cli.Hub;

/// <summary>The recent speed of a transfer.</summary>
internal sealed class TransferSpeed
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5), Step = TimeSpan.FromSeconds(0.2);

    private readonly Queue<(TimeSpan Time, long Bytes)> _points = new();
    private (TimeSpan Time, long Bytes) _last;

    /// <summary>Adds the number of bytes transferred so far.</summary>
    /// <returns>Bytes per second over the last seconds; 0 at the start.</returns>
    public double At(TimeSpan now, long bytes)
    {
        if (_points.Count == 0 || now - _last.Time >= Step) _points.Enqueue(_last = (now, bytes));
        while (_points.Count > 1 && now - _points.Peek().Time > Window) _points.Dequeue();
        var first = _points.Peek();
        return now - first.Time < Step ? 0 : (bytes - first.Bytes) / (now - first.Time).TotalSeconds;
    }
}
