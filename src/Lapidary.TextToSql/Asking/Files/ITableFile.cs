using Lapidary.Formats;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A file that becomes a table. It is read twice: to find the columns with their types, then to fill them.</summary>
internal interface ITableFile
{
    /// <summary>Its path, as the user gave it.</summary>
    string Path { get; }

    /// <summary>Reads all of the file to find its columns.</summary>
    /// <param name="onRow">Called for each row.</param>
    /// <exception cref="LapidaryException">The file is damaged; the message names the line or row.</exception>
    FoundColumns FindColumns(Action onRow);

    /// <summary>Reads the rows.</summary>
    /// <param name="columns">What the file had at first.</param>
    /// <param name="row">Receives the values of each row.</param>
    /// <exception cref="LapidaryException">The file is damaged, or was changed meanwhile.</exception>
    void Fill(FoundColumns columns, ITableRow row);
}

/// <summary>Columns of a file.</summary>
/// <param name="Columns">Names and SQL types.</param>
/// <param name="Notes">What a user may not expect, one line each.</param>
internal sealed record FoundColumns(IReadOnlyList<(string Name, string Type)> Columns, IReadOnlyList<string> Notes);

/// <summary>Takes the values of rows; a column that gets none is NULL.</summary>
internal interface ITableRow
{
    /// <summary>Sets a text in UTF-8.</summary>
    void SetText(int column, ReadOnlySpan<byte> utf8);

    /// <summary>Sets an integer.</summary>
    void SetInteger(int column, long value);

    /// <summary>Sets a number.</summary>
    void SetReal(int column, double value);

    /// <summary>Sets bytes.</summary>
    void SetBlob(int column, ReadOnlySpan<byte> value);

    /// <summary>The row has all its values.</summary>
    void End();
}
