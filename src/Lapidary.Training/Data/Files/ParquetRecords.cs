using Lapidary.Formats;
using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Data.Files;

/// <summary>Parquet: columns of strings, numbers and booleans, lists of them, and lists of such structs (messages). Other columns are not
/// seen. One row group at a time is in memory.</summary>
internal static class ParquetRecords
{
    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        var reader = Try(() => Open(stream), file);
        try
        {
            long row = 0;
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                int index = group;
                var (columns, count) = Try(() => ReadGroup(reader, index), file);
                for (int i = 0; i < count; i++)
                {
                    yield return new(
                        new(file, "row", ++row), columns.ToDictionary(x => x.Key, x => x.Value[i], StringComparer.Ordinal));
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static ParquetReader Open(Stream stream)
    {
        ParquetFooter.Check(stream);
        return ParquetReader.CreateAsync(stream).GetAwaiter().GetResult();
    }

    private static (Dictionary<string, object?[]> Columns, int Rows) ReadGroup(ParquetReader reader, int index)
    {
        using var group = reader.OpenRowGroupReader(index);
        int rows = checked((int)group.RowCount);
        Dictionary<string, object?[]> columns = new(StringComparer.Ordinal);
        foreach (var field in reader.Schema.Fields)
        {
            if (ReadField(group, field, rows) is { } values) columns[field.Name] = values;
        }

        return (columns, rows);
    }

    private static object?[]? ReadField(ParquetRowGroupReader group, Field field, int rows) => field switch
    {
        DataField { IsArray: false } plain => ParquetLeaf.Read(group, plain)?.AsRows(rows),
        DataField array => ParquetLeaf.Read(group, array)?.AsLists(rows, array.MaxDefinitionLevel),
        ListField { Item: DataField { IsArray: false } item } list => ParquetLeaf.Read(group, item)?.AsLists(rows, list.MaxDefinitionLevel),
        ListField { Item: StructField item } list => ReadStructs(group, list, item, rows),
        _ => null,
    };

    /// <summary>A list of structs: the leaves' lists have the same lengths, and are turned into lists of objects.</summary>
    private static object?[] ReadStructs(ParquetRowGroupReader group, ListField list, StructField item, int rows)
    {
        object?[] result = new object?[rows];
        foreach (var field in item.Fields)
        {
            if (field is not DataField { IsArray: false } data || ParquetLeaf.Read(group, data) is not { } leaf) continue;
            object?[] lists = leaf.AsLists(rows, list.MaxDefinitionLevel);
            for (int i = 0; i < rows; i++)
            {
                if (Boxed(lists[i]) is not { } values) continue;
                result[i] ??= Array.ConvertAll(values, _ => (object?)new Dictionary<string, object?>(StringComparer.Ordinal));
                object?[] structs = (object?[])result[i]!;
                if (structs.Length != values.Length)
                    throw new InvalidDataException($"the fields of \"{list.Name}\" have lists of different lengths");
                for (int j = 0; j < structs.Length; j++) ((Dictionary<string, object?>)structs[j]!)[field.Name] = values[j];
            }
        }

        return result;
    }

    private static object?[]? Boxed(object? list) =>
        list is long[] integers ? Array.ConvertAll(integers, x => (object?)x) : (object?[]?)list;

    /// <summary>A hostile file makes the library throw errors of many types, all of which mean the same to the user.</summary>
    private static T Try<T>(Func<T> read, string file)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is not LapidaryException)
        {
            string reason = error.GetBaseException().Message.ReplaceLineEndings(" ");
            throw new LapidaryException(
                $"{file}: expected a Parquet file, found one that cannot be read ({reason}); write it again.", error);
        }
    }
}
