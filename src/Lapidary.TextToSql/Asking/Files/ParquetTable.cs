using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Writing;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A Parquet file. Dates and times become texts as SQLite's functions read them, decimals become numbers, and lists, structs and
/// maps become JSON.</summary>
/// <param name="path">The file.</param>
internal sealed class ParquetTable(string path) : ITableFile
{
    /// <summary>Letters of all languages stay, so that queries find them.</summary>
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public FoundColumns FindColumns(Action onRow)
    {
        IReadOnlyList<string> header = [];
        string?[] types = [];
        var notes = new OrderedDictionary<string, string>();
        foreach (var record in Records())
        {
            if (types.Length == 0) (header, types) = ([.. record.Columns.Keys], new string?[record.Columns.Count]);
            for (int i = 0; i < types.Length; i++)
            {
                types[i] = Joined(types[i], Value(record, header[i]));
                if (record.Columns[header[i]] is Unreadable { Plain: null } broken) notes.TryAdd(header[i], broken.What);
            }

            onRow();
        }

        if (types.Length == 0) throw new LapidaryException($"{path}: expected rows, found a file without any.");
        string[] names = TableNames.OfColumns(header, out var changed);
        return new FoundColumns(
            [.. names.Zip(types, (name, type) => (name, type ?? "TEXT"))],
            [
                .. changed.Select(number => $"{path}: column {number} is called {SqlName.Of(names[number - 1])}."),
                .. notes.Select(note => $"{path}: in the column {SqlName.Of(note.Key)} values are NULL that have {note.Value}."),
            ]);
    }

    /// <inheritdoc/>
    public void Fill(FoundColumns columns, ITableRow row)
    {
        foreach (var record in Records())
        {
            int column = 0;
            foreach (string name in record.Columns.Keys) Set(row, column++, Value(record, name));
            row.End();
        }
    }

    private static void Set(ITableRow row, int column, object? value)
    {
        switch (value)
        {
            case null: break;
            case bool flag: row.SetInteger(column, flag ? 1 : 0); break;
            case long integer: row.SetInteger(column, integer); break;
            case double real: row.SetReal(column, real); break;
            case byte[] bytes: row.SetBlob(column, bytes); break;
            default: row.SetText(column, Encoding.UTF8.GetBytes(TextOf(value))); break;
        }
    }

    /// <summary>The type of a column that has a further value.</summary>
    private static string? Joined(string? type, object? value)
    {
        string? other = value switch
        {
            null => null,
            bool => "BOOLEAN",
            long => "INTEGER",
            double => "REAL",
            byte[] => "BLOB",
            _ => "TEXT",
        };
        return type is null || type == other ? other ?? type : other is null ? type
            : (type, other) is ("REAL", "INTEGER") or ("INTEGER", "REAL") ? "REAL" : "TEXT";
    }

    private static object? Value(DataRecord record, string name) => record.Columns[name] switch
    {
        Unreadable { Plain: { } plain } => plain,
        Unreadable => null,
        var value => value,
    };

    private IEnumerable<DataRecord> Records()
    {
        using var file = InputFile.OpenRead(path, "a Parquet file");
        foreach (var record in ParquetRecords.Read(file, path)) yield return record;
    }

    private static string TextOf(object value) => value switch
    {
        string text => text,
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        _ => Json(value),
    };

    private static string Json(object value)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options)) ColumnJson.Write(json, value);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
