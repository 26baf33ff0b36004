using System.Diagnostics;
using Lapidary.Cli.Screens;
using Lapidary.Formats;

namespace Lapidary.Cli.Output;

/// <summary>Long work as the user sees it: on a screen, a line with a bar and the time left, which disappears when the work ends; elsewhere
/// a line from time to time, and none if the work is short.</summary>
internal sealed class WorkScreen : IProgress<WorkProgress>, IDisposable
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10), Patience = TimeSpan.FromSeconds(0.3);

    private readonly Lock _lock = new();
    private readonly Screen? _screen;
    private readonly TextWriter _writer;
    private readonly bool _writesLines;
    private string? _work;
    private long _done;
    private long _started, _shown;

    /// <summary>Shows nothing until the first progress.</summary>
    /// <param name="terminal">The output.</param>
    /// <param name="json">Whether standard output is only for the result: then the bar is shown if standard error is a screen, and nothing
    /// elsewhere.</param>
    public WorkScreen(Terminal terminal, bool json)
    {
        (_screen, _writer) = (terminal.ScreenOf(json), terminal.People(json));
        _writesLines = _screen is null ? !json : !_screen.HasCodes;
    }

    public void Report(WorkProgress value)
    {
        lock (_lock)
        {
            bool isNew = _work != value.Work || value.Done < _done; // work of the same name may begin again
            _done = value.Done;
            if (isNew)
            {
                _work = value.Work;
                _shown = _started = Stopwatch.GetTimestamp();
            }

            var elapsed = Stopwatch.GetElapsedTime(_started);
            if (_writesLines) ShowLine(value, elapsed);
            else if (elapsed >= Patience) _screen?.Show(_writer, Share(value), value.Work, Count(value), Left(value, elapsed));
        }
    }

    public void Dispose() => _screen?.Clear();

    private void ShowLine(WorkProgress value, TimeSpan elapsed)
    {
        if (Stopwatch.GetElapsedTime(_shown) < LineInterval) return;
        _shown = Stopwatch.GetTimestamp();
        string left = Left(value, elapsed);
        _writer.WriteLine($"{value.Work}: {Count(value)}{(left.Length > 0 ? $", {left}" : "")}");
    }

    private static double? Share(WorkProgress value) => value.Total > 0 ? (double)value.Done / value.Total : null;

    private static string Count(WorkProgress value) =>
        value.Total > 0 ? $"{value.Done} of {value.Total} {value.Unit}" : $"{value.Done} {value.Unit}";

    private static string Left(WorkProgress value, TimeSpan elapsed) => value is { Total: > 0, Done: > 0 } && elapsed.TotalSeconds >= 1
        ? $"left {PlainText.Duration(elapsed * ((double)Math.Max(0, value.Total - value.Done) / value.Done))}"
        : "";
}
