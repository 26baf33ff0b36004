using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using CsvHelper;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>Comma- or tab-separated text by RFC 4180, with a header; all values are strings.</summary>
internal static partial class CsvRecords
{
    private const int MaxColumns = 100_000;

    public static IEnumerable<DataRecord> Read(Stream stream, string file, char separator)
    {
        CsvMalformedReason? flaw = null;
        using var reader = CsvReader.Create(stream, Options(separator, found => flaw ??= found), leaveOpen: true);
        var names = Header(reader, file);
        while (ReadNext(reader, names, file) is { } record)
        {
            // A quote inside an unquoted field is kept as text, as in other readers. Other errors would join separate fields.
            if (flaw is { } reason && reason != CsvMalformedReason.StrayQuote) throw record.Origin.Error(Describe(reason));
            flaw = null;
            yield return record;
        }
    }

    private static CsvReaderOptions Options(char separator, Action<CsvMalformedReason> onFlaw) => new()
    {
        Separator = separator,
        HasHeader = true,
        TrackLineNumbers = true,
        MaxRecordSize = LineReader.MaxLineBytes,
        FieldCountMismatch = CsvFieldCountHandling.Throw,
        OnMalformedRecord = record => onFlaw(record.Reason),
    };

    private static IReadOnlyList<string> Header(CsvReader reader, string file)
    {
        try
        {
            reader.ReadHeader();
        }
        catch (Exception error) when (error is CsvFormatException or InvalidOperationException or DecoderFallbackException)
        {
            throw new LapidaryException($"{file}: expected a header line with column names, found none: {error.Message}", error);
        }

        var names = reader.Headers ?? [];
        if (names.Count == 0)
            throw new LapidaryException($"{file}: expected a header line with column names, found an empty file.");
        if (names.Count > MaxColumns)
            throw new LapidaryException($"{file}: expected at most {MaxColumns} columns, found {names.Count}; check the separator.");
        if (names.GroupBy(x => x, StringComparer.Ordinal).FirstOrDefault(x => x.Count() > 1) is { } twice)
        {
            throw new LapidaryException(
                $"{file}: expected each column name once, found \"{FileErrors.OneLine(twice.Key)}\" {twice.Count()} times; rename one.");
        }

        return names;
    }

    private static DataRecord? ReadNext(CsvReader reader, IReadOnlyList<string> names, string file)
    {
        try
        {
            if (!reader.Read()) return null;
        }
        catch (CsvFormatException error)
        {
            var where = new RowOrigin(file, "line", error.LineNumber);
            throw where.Error(FieldCount().Match(error.Message) is { Success: true } count
                ? $"expected {Amount.Of(names.Count, "field")}, as the header has names, found {count.Groups[1].Value}; "
                    + "quote a field with a separator or a line break in it."
                : $"expected quoted or unquoted fields: {error.Message}", error);
        }

        var origin = new RowOrigin(file, "line", reader.LineNumber);
        var columns = new Dictionary<string, object?>(names.Count, StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++)
        {
            if (!Utf8.IsValid(reader.GetSpan(i)))
            {
                throw origin.Error(
                    $"expected UTF-8 text in \"{FileErrors.OneLine(names[i])}\", found other bytes; save the file as UTF-8.");
            }


            columns[names[i]] = reader.GetString(i);
        }

        return new(origin, columns);
    }

    /// <summary>The reader's words where a line has another number of fields than the header.</summary>
    [GeneratedRegex(@" has (\d+) fields but \d+ were expected")]
    private static partial Regex FieldCount();

    private static string Describe(CsvMalformedReason reason) => reason switch
    {
        CsvMalformedReason.UnterminatedQuote =>
            "expected a closing quote, found the end of the file; close the quote or double the quotes inside the field.",
        _ => "expected a separator or line end after a closing quote, found more text; double the quotes inside a quoted field.",
    };
}
