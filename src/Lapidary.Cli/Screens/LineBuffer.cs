using System.Globalization;

namespace Lapidary.Cli.Screens;

/// <summary>A text that is typed, and the cursor in it. The cursor moves by what people see as one character.</summary>
internal sealed class LineBuffer
{
    /// <summary>The text; a line end is "\n".</summary>
    public string Text { get; private set; } = "";

    /// <summary>The cursor: an index in the text.</summary>
    public int Cursor { get; private set; }

    /// <summary>Replaces the text; the cursor is at its end.</summary>
    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    /// <summary>Inserts text at the cursor.</summary>
    public void Insert(string text)
    {
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Left() => Cursor = Before(Cursor);

    public void Right() => Cursor = After(Cursor);

    public void Home() => Cursor = 0;

    public void End() => Cursor = Text.Length;

    /// <summary>Moves to the start of the word before the cursor.</summary>
    public void WordLeft() => Cursor = WordBefore(char.IsLetterOrDigit);

    /// <summary>Moves behind the word at or after the cursor.</summary>
    public void WordRight()
    {
        while (Cursor < Text.Length && !char.IsLetterOrDigit(Text[Cursor])) Cursor++;
        while (Cursor < Text.Length && char.IsLetterOrDigit(Text[Cursor])) Cursor++;
    }

    /// <summary>Deletes the character before the cursor.</summary>
    public void Backspace() => DeleteTo(Before(Cursor));

    /// <summary>Deletes the character at the cursor.</summary>
    public void Delete() => DeleteTo(After(Cursor));

    /// <summary>Deletes everything before the cursor.</summary>
    public void DeleteToStart() => DeleteTo(0);

    /// <summary>Deletes everything after the cursor.</summary>
    public void DeleteToEnd() => DeleteTo(Text.Length);

    /// <summary>Deletes back to the white space before the word before the cursor.</summary>
    public void DeleteWord() => DeleteTo(WordBefore(c => !char.IsWhiteSpace(c)));

    private void DeleteTo(int other)
    {
        int start = Math.Min(Cursor, other);
        Text = Text.Remove(start, Math.Abs(Cursor - other));
        Cursor = start;
    }

    private int WordBefore(Func<char, bool> isInside)
    {
        int at = Cursor;
        while (at > 0 && !isInside(Text[at - 1])) at--;
        while (at > 0 && isInside(Text[at - 1])) at--;
        return at;
    }

    private int Before(int index)
    {
        int before = 0;
        foreach (int start in StringInfo.ParseCombiningCharacters(Text))
        {
            if (start >= index) break;
            before = start;
        }

        return before;
    }

    private int After(int index) =>
        index == Text.Length ? index : index + StringInfo.GetNextTextElementLength(Text, index);
}
