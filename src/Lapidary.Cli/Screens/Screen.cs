using System.Diagnostics;

namespace Lapidary.Cli.Screens;

/// <summary>A terminal's screen: lines that scroll by, and under them one line that says how far the work is. Both streams may show on
/// it, so all that is written goes through here, and the status line steps aside for it.</summary>
/// <remarks>Spectre's Progress is not used: it writes over its bar without erasing it, so scraps of the bar stay beside shorter lines, and
/// it hides the cursor, which a signal then leaves hidden.</remarks>
/// <param name="columns">Columns of the screen now.</param>
/// <param name="hasCodes">Whether the terminal knows escape codes.</param>
/// <param name="hasColour">Whether colours are wanted.</param>
internal sealed class Screen(Func<int> columns, bool hasCodes, bool hasColour)
{
    private const int DefaultWidth = 80, LeastWidth = 20;

    private const string EraseLine = "\r\e[K";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private TextWriter? _statusWriter;
    private string _status = "";
    private long _drawn;
    private bool _isMidLine, _isOff;

    /// <summary>Columns that text may take. The last one stays free: some terminals go to the next row as soon as it is filled.</summary>
    public int Width => (columns() is var width and > 0 ? Math.Max(width, LeastWidth) : DefaultWidth) - 1;

    /// <summary>Whether the terminal knows escape codes, and so can show a status line.</summary>
    public bool HasCodes { get; } = hasCodes;

    /// <summary>Whether words may be coloured.</summary>
    public bool HasColour { get; } = hasCodes && hasColour;

    /// <summary>Says that this is no screen after all: from now on text goes as it is to where it is written.</summary>
    public void TurnOff()
    {
        Clear();
        _isOff = true;
    }

    /// <summary>Writes text as it is.</summary>
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

    /// <summary>Shows how far the work is, in place of what was shown before; at most ten times a second.</summary>
    /// <param name="writer">A stream that is the screen.</param>
    /// <param name="share">What is done, 0 to 1; null where that is not known.</param>
    /// <param name="parts">What there is to say, the most important first: what has no room is left out.</param>
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

    /// <summary>Takes the status line away.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            Hide();
            _statusWriter = null;
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
