using System.Text;
using System.Text.Unicode;
using CsvHelper;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A text with separators and a header. The separator is found from the first lines; blanks around unquoted values do not
/// count.</summary>
/// <param name="path">The file; may be packed.</param>
internal sealed class CsvTable(string path) : ITableFile
{
    private const int MaxRecordBytes = 64 << 20;

    private TextValues[] _values = [];

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public FoundColumns FindColumns(Action onRow)
    {
        string[] names = [];
        var notes = new List<string>();
        ReadAll(
            (header, separator) =>
            {
                names = TableNames.OfColumns(header, out var changed);
                _values = [.. names.Select(_ => new TextValues(separator))];
                if (changed.Count > 0) notes.Add(NoteOn(changed, names));
            },
            reader =>
            {
                for (int i = 0; i < _values.Length; i++) _values[i].Add(reader.GetSpan(i));
                onRow();
            });
        bool hasCommas = _values.Any(value => value.HasCommas), hasPoints = _values.Any(value => value.HasPoints);
        var found = names.Zip(_values, (name, value) => value.Note(SqlName.Of(name), hasCommas, hasPoints)).OfType<string>();
        notes.AddRange(found.Select(note => $"{path}: {note}"));
        return new FoundColumns([.. names.Zip(_values, (name, value) => (name, value.Type))], notes);
    }

    /// <inheritdoc/>
    public void Fill(FoundColumns columns, ITableRow row) => ReadAll(
        (header, _) =>
        {
            if (header.Count != columns.Columns.Count) throw Changed();
        },
        reader =>
        {
            for (int i = 0; i < columns.Columns.Count; i++) Set(row, i, columns.Columns[i].Type, reader.GetSpan(i));
            row.End();
        });

    private void Set(ITableRow row, int column, string type, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return;
        if (type == "TEXT" && _values[column].HasDates && PointDates.TryRead(text, out string date))
            row.SetText(column, Encoding.ASCII.GetBytes(date));
        else if (type == "TEXT") row.SetText(column, text);
        else if (type == "INTEGER" && TextValues.TryInteger(text, out long integer)) row.SetInteger(column, integer);
        else if (type == "REAL" && _values[column].TryNumber(text, out double real)) row.SetReal(column, real);
        else throw Changed();
    }

    private void ReadAll(Action<IReadOnlyList<string>, char> onHeader, Action<CsvReader> onRow)
    {
        using var file = InputFile.OpenRead(path, "a CSV file");
        using var unpacked = Decompression.Open(file);
        using var plain = new Utf16Check(unpacked);
        CsvMalformedReason? flaw = null;
        using var reader = CsvReader.Create(plain, Options(found => flaw ??= found), leaveOpen: true);
        int fields = -1;
        while (Next(reader))
        {
            // A quote inside an unquoted field is kept as text, as in other readers. Other flaws would join separate fields.
            if (flaw is { } reason && reason != CsvMalformedReason.StrayQuote) throw At(reader.LineNumber, Describe(reason));
            flaw = null;
            for (int i = 0; i < reader.FieldCount; i++)
                if (!Utf8.IsValid(reader.GetSpan(i))) throw At(reader.LineNumber, "expected UTF-8, found other bytes; save it as UTF-8.");
            if (fields < 0)
            {
                fields = reader.FieldCount;
                onHeader([.. Enumerable.Range(0, fields).Select(reader.GetString)], reader.Separator);
                continue;
            }

            if (reader.FieldCount != fields)
            {
                throw At(reader.LineNumber, $"expected {fields} fields like the header, found {reader.FieldCount}; put values with a "
                    + $"{Named(reader.Separator)} or a line end into quotes.");
            }

            onRow(reader);
        }

        if (fields < 0) throw new LapidaryException($"{path}: expected a header line with column names, found an empty file.");
    }

    private bool Next(CsvReader reader)
    {
        try
        {
            return reader.Read();
        }
        catch (CsvFormatException e)
        {
            throw At(e.LineNumber, $"expected quoted or unquoted fields: {e.Message}", e);
        }
        catch (Exception e) when (Decompression.IsBroken(e) || e is DecoderFallbackException)
        {
            throw new LapidaryException($"{path}: could not be read ({FileErrors.OneLine(e.Message)}); save it again.", e);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }
    }

    private CsvReaderOptions Options(Action<CsvMalformedReason> onFlaw) => new()
    {
        Separator = FileKinds.IsTabbed(path) ? '\t' : null,
        HasHeader = false,
        TrimWhitespace = true,
        TrackLineNumbers = true,
        MaxRecordSize = MaxRecordBytes,
        OnMalformedRecord = record => onFlaw(record.Reason),
    };

    private LapidaryException At(long line, string what, Exception? cause = null)
    {
        string text = $"{path} line {line}: {what}";
        return cause is null ? new(text) : new(text, cause);
    }

    private LapidaryException Changed() => new($"{path}: was changed while it was read; try again.");

    private string NoteOn(IReadOnlyList<int> changed, string[] names)
    {
        const int Most = 5;
        string list = string.Join(", ", changed.Take(Most).Select(number => $"{number} is {SqlName.Of(names[number - 1])}"));
        string more = changed.Count > Most ? $", and {changed.Count - Most} more" : "";
        return $"{path}: columns without a name, or with one that another column has: {list}{more}.";
    }

    private static string Named(char separator) => separator switch
    {
        ',' => "comma",
        ';' => "semicolon",
        '\t' => "tab",
        _ => $"\"{separator}\"",
    };

    private static string Describe(CsvMalformedReason reason) => reason == CsvMalformedReason.UnterminatedQuote
        ? "expected a closing quote, found the end of the file; close the quote, or double the quotes inside of a value."
        : "expected a separator or line end after a closing quote, found more text; double the quotes inside of a value.";
}
