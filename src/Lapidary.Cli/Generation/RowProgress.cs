using System.Diagnostics;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Generation;

/// <summary>How far a data set is answered: a line now and then.</summary>
/// <param name="total">Rows.</param> <param name="done">Rows answered before.</param> <param name="people">Where to.</param>
internal sealed class RowProgress(int total, int done, TextWriter people)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly long _started = Stopwatch.GetTimestamp();
    private long _shown = Stopwatch.GetTimestamp();
    private long _tokens;

    /// <summary>Counts the tokens of an answer of this rank.</summary>
    public void Count(int tokens) => _tokens += tokens;

    /// <summary>Says where it stands, where that has not been said for a while.</summary>
    public void Show(int rows)
    {
        if (Stopwatch.GetElapsedTime(_shown) < Interval) return;
        _shown = Stopwatch.GetTimestamp();
        var elapsed = Stopwatch.GetElapsedTime(_started);
        people.WriteLine($"row {rows}/{total}  {_tokens / elapsed.TotalSeconds:F0} tok/s a rank  "
            + $"left {PlainText.Duration(elapsed * ((double)(total - rows) / Math.Max(1, rows - done)))}");
    }
}
