using System.Text;
using Lapidary.Cli.Screens;

namespace Lapidary.Cli.Tests.Screens;

/// <summary>A terminal as far as the tool uses one: text that wraps at the last column, CR, LF, cursor moves, erasing. Colours and modes
/// change nothing. A wide character takes two columns: the second has a mark.</summary>
internal sealed class TerminalModel(int columns)
{
    private const char Escape = '\e', SecondHalf = '\uFFFF';

    private readonly List<(StringBuilder Text, bool IsWrapped)> _rows = [(new(), false)];
    private readonly StringBuilder _sequence = new();
    private int _row, _column;

    /// <summary>All rows, with those that have scrolled by, without the blanks at their ends.</summary>
    public IReadOnlyList<string> Rows => [.. _rows.Select(row => Text(row.Text))];

    /// <summary>The lines that people copy: rows that the terminal has wrapped are one again.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            var lines = new List<string>();
            for (int i = 0; i < _rows.Count; i++)
            {
                if (i > 0 && _rows[i - 1].IsWrapped) lines[^1] += _rows[i].Text;
                else lines.Add(_rows[i].Text.ToString());
            }

            return [.. lines.Select(line => Text(new(line)))];
        }
    }

    /// <summary>Number of the row that the cursor is in.</summary>
    public int CursorRow => _row;

    /// <summary>Shows what a program writes.</summary>
    public void Write(string text)
    {
        foreach (char c in text) Write(c);
    }

    private void Write(char c)
    {
        if (_sequence.Length > 0)
        {
            _sequence.Append(c);
            if (_sequence.Length == 2 && c is '=' or '>') _sequence.Clear(); // what keypads send
            else if (_sequence.Length == 2 && c != '[') Assert.Fail($"An escape sequence that the model does not know: ESC {c}");
            else if (_sequence.Length > 2 && c is >= '@' and <= '~') Run();
            return;
        }

        switch (c)
        {
            case Escape: _sequence.Append(c); break;
            case '\r': _column = 0; break;
            case '\n': MoveTo(_row + 1); break;
            case '\b': _column = Math.Max(0, _column - 1); break;
            default:
                Assert.False(char.IsControl(c), $"A control character that the model does not know: {(int)c}");
                Put(c);
                break;
        }
    }

    private static string Text(StringBuilder row) => row.ToString().Replace($"{SecondHalf}", "", StringComparison.Ordinal).TrimEnd();

    private void Put(char c)
    {
        bool isWide = !char.IsSurrogate(c) && LineLayout.Width(c.ToString()) == 2; // a pair of surrogates has two columns anyway
        Place(c, isWide ? 2 : 1);
        if (isWide) Place(SecondHalf, 1);
    }

    private void Place(char c, int needed)
    {
        if (_column + needed > columns)
        {
            _rows[_row] = (_rows[_row].Text, true);
            MoveTo(_row + 1);
            _column = 0;
        }

        var text = _rows[_row].Text;
        while (text.Length <= _column) text.Append(' ');
        text[_column++] = c;
    }

    private void Run()
    {
        string arguments = _sequence.ToString(2, _sequence.Length - 3);
        char command = _sequence[^1];
        _sequence.Clear();
        int number = int.TryParse(arguments, out int given) ? given : -1;
        int count = Math.Max(1, number);
        var text = _rows[_row].Text;
        switch (command)
        {
            case 'm' or 'h' or 'l': break;
            case 'A': _row = Math.Max(0, _row - count); break;
            case 'B': MoveTo(_row + count); break;
            case 'C': _column = Math.Min(columns - 1, _column + count); break;
            case 'D': _column = Math.Max(0, _column - count); break;
            case 'G': _column = count - 1; break;
            case 'K' when number is -1 or 0: text.Length = Math.Min(text.Length, _column); break;
            case 'K' when number == 2: text.Clear(); break;
            case 'J' when number is -1 or 0:
                text.Length = Math.Min(text.Length, _column);
                for (int row = _row + 1; row < _rows.Count; row++) _rows[row].Text.Clear();
                break;
            default: Assert.Fail($"An escape sequence that the model does not know: ESC [{arguments}{command}"); break;
        }
    }

    private void MoveTo(int row)
    {
        while (_rows.Count <= row) _rows.Add((new(), false));
        _row = row;
    }
}
