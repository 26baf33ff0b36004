using Lapidary.Formats;
using Parquet;
using Parquet.Schema;

namespace Lapidary.Training.Data.Writing;

/// <summary>Writes rows as a Parquet file, one row group after the other. The first group's values decide the columns.</summary>
internal static class ParquetRowWriter
{
    /// <summary>Rows of a group: what is in memory at a time.</summary>
    private const int GroupRows = 10_000;

    /// <summary>Writes all rows.</summary>
    /// <param name="stream">Where to; at its start.</param>
    /// <param name="rows">Values by column, as a data record has them.</param>
    /// <param name="json">Writes a value that Parquet has no type for as JSON.</param>
    /// <returns>The columns that hold JSON text.</returns>
    /// <exception cref="LapidaryException">A later row has a column or a type that the first ones do not have.</exception>
    public static IReadOnlyList<string> Write(
        Stream stream, IEnumerable<IReadOnlyDictionary<string, object?>> rows, Func<object, string> json)
    {
        IReadOnlyList<ParquetColumn>? columns = null;
        ParquetWriter? writer = null;
        try
        {
            foreach (var group in rows.Chunk(GroupRows))
            {
                columns ??= ColumnsOf(group);
                var schema = writer is null ? new ParquetSchema(columns.Select(column => column.Field())) : null;
                writer ??= ParquetWriter.CreateAsync(schema!, stream).GetAwaiter().GetResult();
                Write(writer, group, columns, json);
            }
        }
        finally
        {
            writer?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        return [.. (columns ?? []).Where(column => column.Kind == ParquetKind.Json).Select(column => column.Name)];
    }

    private static ParquetColumn[] ColumnsOf(IReadOnlyDictionary<string, object?>[] rows)
    {
        var names = rows.SelectMany(row => row.Keys).Distinct().ToArray();
        return [.. names.Select(name => new ParquetColumn(name, ParquetColumn.KindOf(rows.Select(row => row.GetValueOrDefault(name)))))];
    }

    private static void Write(
        ParquetWriter writer, IReadOnlyDictionary<string, object?>[] rows, IReadOnlyList<ParquetColumn> columns, Func<object, string> json)
    {
        var names = columns.Select(column => column.Name).ToHashSet();
        if (rows.SelectMany(row => row.Keys).FirstOrDefault(name => !names.Contains(name)) is { } unknown)
        {
            throw new LapidaryException(
                $"column {unknown}: expected the columns of the first {GroupRows} rows, found another one; write JSON Lines.");
        }

        using var group = writer.CreateRowGroup();
        foreach (var column in columns) column.Write(group, [.. rows.Select(row => row.GetValueOrDefault(column.Name))], json);
    }
}
