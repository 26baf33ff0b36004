using System.Text;

namespace Lapidary.Cli.Screens;

/// <summary>Reads a line that can be edited while it is typed: with the keys of a shell, a history, and pasted text of several lines. It
/// needs a terminal with escape codes.</summary>
/// <remarks>While a thread waits for a key, no other may ask the keys anything: the console would let it wait too.</remarks>
/// <param name="keys">The keys.</param>
/// <param name="writer">The screen's writer.</param>
/// <param name="screen">The screen.</param>
internal sealed class LineEditor(IKeys keys, TextWriter writer, Screen screen)
{
    private const int LongestHistory = 1000;

    /// <summary>A terminal that is gone sends empty keys without end.</summary>
    private const int MostEmptyKeys = 100;

    // Bracketed paste: the terminal marks pasted text, so that a line end in it is not Enter.
    private const string PasteOn = "\e[?2004h", PasteOff = "\e[?2004l", PasteBegins = "200~", PasteEnds = "201~";

    private const string EraseBelow = "\e[J";

    private static readonly TimeSpan SequencePause = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly LineBuffer _buffer = new();
    private readonly List<string> _history = [];
    private string _prompt = "", _draft = "";
    private TypedRows _drawn = new([""], 0, 0);
    private int _entry, _emptyKeys;
    private char _pasted;
    private bool _isReading, _isPasting;

    /// <summary>Reads a line.</summary>
    /// <param name="prompt">Text before it.</param>
    /// <returns>The text, with "\n" between lines that were pasted; null at Ctrl-D on an empty line.</returns>
    public string? Read(string prompt)
    {
        _ = keys.IsAvailable; // from now on the terminal shows no keys by itself
        Begin(prompt);
        while (true)
        {
            var key = keys.Read();
            lock (_lock)
            {
                bool? ends = Take(key);
                while (ends is null && keys.IsAvailable) ends = Take(keys.Read()); // a paste is drawn once
                if (ends is null)
                {
                    Draw(isWhole: false);
                    continue;
                }

                string text = _buffer.Text;
                Leave();
                if (ends == false) return null;
                Remember(text);
                return text;
            }
        }
    }

    /// <summary>Drops what is typed, says something and asks again. May be called from another thread, while the line is read.</summary>
    public void Interrupt(string message)
    {
        lock (_lock)
        {
            if (!_isReading) return;
            Leave();
            writer.WriteLine(message);
            Begin(_prompt);
        }
    }

    /// <summary>Ends reading: the cursor goes below the text, and the terminal is as before. Does nothing if no line is read.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            if (!_isReading) return;
            _isReading = false;
            _buffer.End();
            Draw(isWhole: true);
            writer.Write(PasteOff + "\r\n");
        }
    }

    private void Begin(string prompt)
    {
        lock (_lock)
        {
            _buffer.Set("");
            (_prompt, _draft, _entry, _emptyKeys) = (prompt, "", _history.Count, 0);
            (_drawn, _isReading, _isPasting) = (new([""], 0, 0), true, false);
            writer.Write(PasteOn);
            Draw(isWhole: false);
        }
    }

    private void Remember(string text)
    {
        if (string.IsNullOrWhiteSpace(text) || (_history.Count > 0 && _history[^1] == text)) return;
        if (_history.Count == LongestHistory) _history.RemoveAt(0);
        _history.Add(text);
    }

    /// <summary>Takes a key.</summary>
    /// <returns>True if it ends the line, false if it ends the input, null if the line goes on.</returns>
    private bool? Take(ConsoleKeyInfo key)
    {
        if (key == default) return ++_emptyKeys > MostEmptyKeys ? false : null;
        bool isEnter = key.Key == ConsoleKey.Enter || key.KeyChar is '\r' or '\n';
        if (key.Key == ConsoleKey.Escape || key.KeyChar == '\e') TakeSequence();
        else if (_isPasting) Paste(isEnter ? key.KeyChar == '\n' ? '\n' : '\r' : key.KeyChar);
        else if (isEnter && key.Modifiers.HasFlag(ConsoleModifiers.Alt)) _buffer.Insert("\n");
        else if (isEnter) return true;
        else if (IsControl(key, 'd', ConsoleKey.D) && _buffer.Text.Length == 0) return false;
        else Edit(key);
        return null;
    }

    private void Edit(ConsoleKeyInfo key)
    {
        bool isWord = key.Modifiers is not 0 && (key.Modifiers & ConsoleModifiers.Shift) == 0;
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow when isWord: _buffer.WordLeft(); return;
            case ConsoleKey.RightArrow when isWord: _buffer.WordRight(); return;
            case ConsoleKey.LeftArrow: _buffer.Left(); return;
            case ConsoleKey.RightArrow: _buffer.Right(); return;
            case ConsoleKey.Home: _buffer.Home(); return;
            case ConsoleKey.End: _buffer.End(); return;
            case ConsoleKey.UpArrow: Recall(-1); return;
            case ConsoleKey.DownArrow: Recall(1); return;
            case ConsoleKey.Delete: _buffer.Delete(); return;
            case ConsoleKey.Backspace when key.Modifiers == ConsoleModifiers.Alt: _buffer.DeleteWord(); return;
            case ConsoleKey.Backspace: _buffer.Backspace(); return;
        }

        switch (ControlOf(key))
        {
            case 'a': _buffer.Home(); return;
            case 'b': _buffer.Left(); return;
            case 'd': _buffer.Delete(); return;
            case 'e': _buffer.End(); return;
            case 'f': _buffer.Right(); return;
            case 'h': _buffer.Backspace(); return;
            case 'k': _buffer.DeleteToEnd(); return;
            case 'n': Recall(1); return;
            case 'p': Recall(-1); return;
            case 'u': _buffer.DeleteToStart(); return;
            case 'w': _buffer.DeleteWord(); return;
        }

        if (key.Modifiers == ConsoleModifiers.Alt)
        {
            if (key.Key == ConsoleKey.B) _buffer.WordLeft();
            if (key.Key == ConsoleKey.F) _buffer.WordRight();
        }
        else if (!char.IsControl(key.KeyChar))
        {
            _buffer.Insert(key.KeyChar.ToString());
        }
    }

    private void Paste(char c)
    {
        if (c == '\r' || (c == '\n' && _pasted != '\r')) _buffer.Insert("\n"); // "\r\n" is one line end
        else if (c == '\t' || !char.IsControl(c)) _buffer.Insert(c.ToString());
        _pasted = c;
    }

    /// <summary>An escape sequence that .NET does not know: pasted text begins or ends, or a key without a meaning here.</summary>
    private void TakeSequence()
    {
        if (!IsNextSoon() || keys.Read() is not { KeyChar: '[' } bracket) return; // Escape alone; the key after it goes with it
        var sequence = new StringBuilder();
        while (IsNextSoon())
        {
            char c = keys.Read().KeyChar;
            sequence.Append(c);
            if (c is >= '@' and <= '~') break;
        }

        string found = sequence.ToString();
        if (found == PasteBegins) _isPasting = true;
        if (found == PasteEnds) _isPasting = false;
    }

    /// <summary>Whether another key comes at once, as within a sequence. The end of pasted text is waited for.</summary>
    private bool IsNextSoon()
    {
        if (_isPasting || keys.IsAvailable) return true;
        Thread.Sleep(SequencePause);
        return keys.IsAvailable;
    }

    private void Recall(int step)
    {
        int entry = Math.Clamp(_entry + step, 0, _history.Count);
        if (entry == _entry) return;
        if (_entry == _history.Count) _draft = _buffer.Text;
        _entry = entry;
        _buffer.Set(entry == _history.Count ? _draft : _history[entry]);
    }

    /// <summary>Draws the line over what was drawn before.</summary>
    /// <param name="isWhole">Whether to draw all rows, even if they are more than the screen has.</param>
    private void Draw(bool isWhole)
    {
        int above = _drawn.RowsAbove(screen.Width + 1);
        var rows = TypedRows.Of(_prompt, _buffer.Text, _buffer.Cursor, screen.Width);
        if (!isWhole) rows = rows.Window(Math.Max(1, screen.Height - 1));
        int below = rows.Rows.Count - 1 - rows.CursorRow;
        var text = new StringBuilder("\r");
        if (above > 0) text.Append("\e[").Append(above).Append('A');
        text.Append(EraseBelow).AppendJoin("\r\n", rows.Rows);
        if (below > 0) text.Append("\e[").Append(below).Append('A');
        text.Append('\r');
        if (rows.CursorColumn > 0) text.Append("\e[").Append(rows.CursorColumn).Append('C');
        writer.Write(text.ToString());
        writer.Flush();
        _drawn = rows;
    }

    private static bool IsControl(ConsoleKeyInfo key, char letter, ConsoleKey name) =>
        ControlOf(key) == letter || (key.Key == name && key.Modifiers == ConsoleModifiers.Control);

    /// <summary>The letter of a key with Ctrl; 0 for other keys.</summary>
    private static char ControlOf(ConsoleKeyInfo key) =>
        key.KeyChar is >= '\u0001' and <= '\u001a' ? (char)(key.KeyChar + 'a' - 1)
        : key is { Modifiers: ConsoleModifiers.Control, Key: >= ConsoleKey.A and <= ConsoleKey.Z } ? (char)(key.Key - ConsoleKey.A + 'a')
        : '\0';
}
