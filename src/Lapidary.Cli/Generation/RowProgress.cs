using System.Diagnostics;
using Lapidary.Cli.Output;

namespace Lapidary.Cli.Generation;

/// <summary>Progress through a data set: a status line on a screen, elsewhere a line from time to time.</summary>
/// <param name="total">Rows.</param>
/// <param name="done">Rows answered before.</param>
/// <param name="terminal">The output, on standard error.</param>
/// <param name="what">A word before it, or nothing.</param>
/// <param name="world">Ranks, each with a speed of its own.</param>
internal sealed class RowProgress(int total, int done, Terminal terminal, string what, int world) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly long _started = Stopwatch.GetTimestamp();
    private long _shown = Stopwatch.GetTimestamp();
    private long _tokens;

    /// <summary>Counts the tokens of an answer of this rank. Answers may end on several threads.</summary>
    public void Count(int tokens) => Interlocked.Add(ref _tokens, tokens);

    /// <summary>Shows the progress if that was not done for a while.</summary>
    public void Show(int rows)
    {
        var elapsed = Stopwatch.GetElapsedTime(_started);
        string left = $"left {PlainText.Duration(elapsed * ((double)(total - rows) / Math.Max(1, rows - done)))}";
        string speed = $"{_tokens / elapsed.TotalSeconds:F0} tok/s{(world > 1 ? " a rank" : "")}";
        if (terminal.ScreenOf(json: true) is { HasCodes: true } screen)
        {
            screen.Show(terminal.Error, (double)rows / total, $"{Lead}row {rows}/{total}", left, speed);
            return;
        }

        if (Stopwatch.GetElapsedTime(_shown) < Interval) return;
        _shown = Stopwatch.GetTimestamp();
        terminal.Error.WriteLine($"{Lead}row {rows}/{total}  {speed}  {left}");
    }

    private string Lead => what.Length == 0 ? "" : $"{what}: ";

    /// <summary>Removes the status line.</summary>
    public void Dispose() => terminal.ScreenOf(json: true)?.Clear();
}
