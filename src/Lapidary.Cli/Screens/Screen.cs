using System.Diagnostics;

namespace Lapidary.Cli.Screens;

/// <summary>A terminal's screen: scrolling lines, and under them one status line. Both streams may be on it, so all output goes through
/// here, and the status line is removed and redrawn around it.</summary>
/// <remarks>Spectre's Progress is not used. It overwrites its bar without erasing it, so parts of the bar remain beside shorter lines. It
/// also hides the cursor, which stays hidden after a signal.</remarks>
/// <param name="columns">The current number of columns.</param>
/// <param name="hasCodes">Whether the terminal supports escape codes.</param>
/// <param name="hasColour">Whether to use colours.</param>
/// <param name="rows">The current number of rows; null if unknown.</param>
internal sealed class Screen(Func<int> columns, bool hasCodes, bool hasColour, Func<int>? rows = null)
{
    private const int DefaultWidth = 80, LeastWidth = 20, DefaultHeight = 24;

    private const string EraseLine = "\r\e[K";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private TextWriter? _statusWriter;
    private string _status = "";
    private long _drawn;
    private bool _isMidLine, _isOff;

    /// <summary>Columns for text. The last column stays free, because some terminals start the next row as soon as it is filled.</summary>
    public int Width => (columns() is var width and > 0 ? Math.Max(width, LeastWidth) : DefaultWidth) - 1;

    /// <summary>Rows.</summary>
    public int Height => rows?.Invoke() is > 0 and var height ? height : DefaultHeight;

    /// <summary>Whether the terminal supports escape codes, and so a status line.</summary>
    public bool HasCodes { get; } = hasCodes;

    /// <summary>Whether to use colours.</summary>
    public bool HasColour { get; } = hasCodes && hasColour;

    /// <summary>Declares that this is not a screen after all: from now on text is written unchanged.</summary>
    public void TurnOff()
    {
        Clear();
        _isOff = true;
    }

    /// <summary>Writes text unchanged.</summary>
    public void Write(TextWriter writer, string text)
    {
        if (text.Length == 0) return;
        lock (_lock)
        {
            Hide();
            writer.Write(text);
            _isMidLine = text[^1] != '\n';
            Draw();
        }
    }

    /// <summary>Writes a line in as many rows as it needs.</summary>
    public void WriteLine(TextWriter writer, string text)
    {
        lock (_lock)
        {
            Hide();
            if (_isMidLine || _isOff) writer.WriteLine(text); // the end of a line that was begun
            else foreach (string line in text.Split('\n')) WriteRows(writer, line);
            _isMidLine = false;
            Draw();
        }
    }

    /// <summary>Replaces the status line; at most ten times a second.</summary>
    /// <param name="writer">A stream that is the screen.</param>
    /// <param name="share">The finished share, 0 to 1; null if unknown.</param>
    /// <param name="parts">The texts, the most important first; texts that do not fit are left out.</param>
    public void Show(TextWriter writer, double? share, params IReadOnlyList<string> parts)
    {
        if (!HasCodes || _isOff) return;
        lock (_lock)
        {
            bool isNew = _statusWriter is null;
            _statusWriter = writer is ScreenWriter { Inner: var inner } ? inner : writer;
            _status = StatusLine.Text(share, parts, Width, HasColour); // also for the next line that it steps aside for
            if (isNew || Stopwatch.GetElapsedTime(_drawn) >= Interval) Draw();
        }
    }

    /// <summary>Removes the status line.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            Hide();
            _statusWriter = null;
        }
    }

    /// <summary>Declares that the cursor is at the start of a row: somebody has typed a line end.</summary>
    public void StartsRow()
    {
        lock (_lock) _isMidLine = false;
    }

    /// <summary>Ends a line that was begun.</summary>
    public void EndLine(TextWriter writer)
    {
        lock (_lock)
        {
            if (_isMidLine) writer.WriteLine();
            _isMidLine = false;
        }
    }

    private void WriteRows(TextWriter writer, string line)
    {
        int label = LineLayout.LabelOf(line);
        var rows = LineLayout.Rows(line, Width);
        for (int i = 0; i < rows.Count; i++) writer.WriteLine(i == 0 && HasColour ? Theme.Paint(rows[0], label) : rows[i]);
    }

    private void Hide()
    {
        if (_statusWriter is not null && !_isMidLine) _statusWriter.Write(EraseLine);
    }

    private void Draw()
    {
        if (_statusWriter is null || _isMidLine) return;
        _statusWriter.Write(EraseLine + _status);
        _statusWriter.Flush();
        _drawn = Stopwatch.GetTimestamp();
    }
}
