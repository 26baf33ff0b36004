using System.Globalization;
using System.Text;

namespace Lapidary.Cli.Screens;

/// <summary>A typed text in the rows of a screen.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="CursorRow">Index of the cursor's row.</param>
/// <param name="CursorColumn">The cursor's column, from 0.</param>
internal sealed record TypedRows(IReadOnlyList<string> Rows, int CursorRow, int CursorColumn)
{
    /// <summary>A tab's columns; its real number would depend on the terminal.</summary>
    private const string Tab = "    ";

    /// <summary>Lays a text out behind a prompt. Rows are broken where they are full, and lines after the first are aligned with
    /// it.</summary>
    /// <param name="prompt">Before the first row.</param>
    /// <param name="text">The text.</param>
    /// <param name="cursor">Index of the cursor in it.</param>
    /// <param name="width">Columns; wider than any character.</param>
    public static TypedRows Of(string prompt, string text, int cursor, int width)
    {
        var rows = new List<string>();
        var row = new StringBuilder(prompt);
        int used = LineLayout.Width(prompt), indent = used, cursorRow = 0, cursorColumn = 0;
        for (int at = 0; at < text.Length;)
        {
            string element = StringInfo.GetNextTextElement(text, at);
            string shown = element is "\t" ? Tab : element;
            int columns = element == "\n" ? 0 : LineLayout.Width(shown);
            if (used + columns > width) EndRow(0);
            if (cursor >= at && cursor < at + element.Length) (cursorRow, cursorColumn) = (rows.Count, used);
            if (element == "\n")
            {
                EndRow(indent);
            }
            else
            {
                row.Append(shown);
                used += columns;
            }

            at += element.Length;
        }

        if (cursor >= text.Length) (cursorRow, cursorColumn) = (rows.Count, used);
        rows.Add(row.ToString());
        return new TypedRows(rows, cursorRow, cursorColumn);

        void EndRow(int blanks)
        {
            rows.Add(row.ToString());
            row.Clear().Append(' ', blanks);
            used = blanks;
        }
    }

    /// <summary>At most some rows, with the cursor's among them: as many as a screen has.</summary>
    public TypedRows Window(int most)
    {
        if (Rows.Count <= most) return this;
        int first = Math.Clamp(CursorRow - most + 1, 0, Rows.Count - most);
        return new TypedRows([.. Rows.Skip(first).Take(most)], CursorRow - first, CursorColumn);
    }

    /// <summary>Rows above the cursor on a screen of so many columns. A terminal that became narrower has broken rows.</summary>
    public int RowsAbove(int columns) =>
        Rows.Take(CursorRow).Sum(row => 1 + Math.Max(0, LineLayout.Width(row) - 1) / columns) + CursorColumn / columns;
}
