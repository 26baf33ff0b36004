using Lapidary.Formats;
using Lapidary.Formats.Files;
using Parquet;

namespace Lapidary.Training.Data.Files;

/// <summary>Parquet: columns of strings, numbers and booleans, and lists, structs and maps of them. One row group is open at a time, with
/// only its requested columns in memory.</summary>
internal static class ParquetRecords
{
    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        var pages = new ParquetPages(stream);
        var reader = ParquetErrors.Try(() => Open(pages), file);
        try
        {
            var schema = ParquetErrors.Try(() => reader.Schema, file); // which it makes anew each time
            long row = 0;
            for (int index = 0; index < reader.RowGroupCount; index++)
            {
                int number = index;
                using var group = ParquetErrors.Try(() => reader.OpenRowGroupReader(number), file);
                var columns = ParquetErrors.Try(() => new ParquetColumns(schema, group, pages, file), file);
                for (int i = 0; i < columns.Rows; i++) yield return new(new(file, "row", ++row), new ParquetRow(columns, i));
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Number of rows according to the file.</summary>
    public static long Count(Stream stream, string file)
    {
        var reader = ParquetErrors.Try(() => Open(new ParquetPages(stream)), file);
        try
        {
            return ParquetErrors.Try(
                () => reader.Metadata?.RowGroups.Sum(
                    group => group.NumRows >= 0 ? group.NumRows : throw new InvalidDataException("rows")) ?? 0,
                file);
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static ParquetReader Open(ParquetPages pages)
    {
        ParquetThrift.CheckFooter(pages);
        var reader = ParquetReader.CreateAsync(pages).GetAwaiter().GetResult();
        ParquetText.Mark(reader.Metadata?.Schema ?? []);
        return reader;
    }
}

/// <summary>Converts errors of the Parquet library.</summary>
internal static class ParquetErrors
{
    /// <summary>A hostile file makes the library throw many types of errors; all of them mean the same to the user.</summary>
    public static T Try<T>(Func<T> read, string file)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is not LapidaryException)
        {
            string reason = FileErrors.OneLine(error.GetBaseException().Message.ReplaceLineEndings(" "));
            throw new LapidaryException(
                $"{file}: expected a Parquet file, found one that cannot be read ({reason}); write it again.", error);
        }
    }
}
