using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Training.Data.Rows;

/// <summary>The selected records of a data set's files, one after the other: the records of a slice that the filters keep.</summary>
/// <param name="options">Formats and filters.</param>
internal sealed class RecordReader(DataSetOptions options)
{
    /// <summary>Number of records that filters left out so far.</summary>
    public long LeftOut { get; private set; }

    /// <summary>The records of each file. Read a file to its end before requesting the next.</summary>
    /// <exception cref="LapidaryException">A file cannot be read or is invalid.</exception>
    public IEnumerable<IEnumerable<DataRecord>> Read(SourceRows rows)
    {
        long count = rows.Part.NeedsCount
            ? rows.Files.Sum(file => Guarded(file, () => DataFiles.Count(file, options.Format)))
            : long.MaxValue;
        var (first, end) = rows.Part.Of(count);
        long at = 0;
        foreach (string file in rows.Files)
        {
            if (at >= end) yield break;
            yield return Filter(Slice(file));
        }

        IEnumerable<DataRecord> Slice(string file)
        {
            foreach (var record in Guarded(file, DataFiles.Read(file, options.Format)))
            {
                if (at >= end) yield break;
                if (at++ >= first) yield return record;
            }
        }
    }

    /// <summary>The records of a stream.</summary>
    public IEnumerable<DataRecord> Read(Stream stream, string name) =>
        Filter(Guarded(name, DataFiles.Read(stream, name, options.Format ?? DataFormat.Jsonl)));

    /// <summary>The records that the filters keep. A column that no record has is an error, because its name is misspelt.</summary>
    public IEnumerable<DataRecord> Filter(IEnumerable<DataRecord> records)
    {
        if (options.Filters.Count == 0)
        {
            foreach (var record in records) yield return record;
            yield break;
        }

        var unseen = options.Filters.Where(filter => filter.Column is not null).ToList();
        DataRecord? first = null;
        foreach (var record in records)
        {
            first ??= record;
            if (unseen.Count > 0) unseen.RemoveAll(filter => record.Columns.ContainsKey(filter.Column!));
            if (record.Columns is ParquetRow && unseen.Count > 0) throw Unknown(record, unseen[0]);
            bool keeps = true;
            foreach (var filter in options.Filters) keeps = keeps && filter.Keeps(record);
            if (keeps) yield return record;
            else LeftOut++;
        }

        if (first is not null && unseen.Count > 0) throw Unknown(first, unseen[0]);
    }

    private static LapidaryException Unknown(DataRecord record, RowFilter filter) => record.Origin.Error(
        $"expected a column \"{filter.Column}\" for the filter {filter}, found {record.ColumnList()}.");

    private static IEnumerable<DataRecord> Guarded(string file, IEnumerable<DataRecord> records)
    {
        using var enumerator = records.GetEnumerator();
        while (Guarded(file, enumerator.MoveNext)) yield return enumerator.Current;
    }

    /// <summary>Adds the file to errors of the system and of compressed data.</summary>
    private static T Guarded<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (Decompression.IsBroken(error))
        {
            throw new LapidaryException(
                $"{file}: expected whole gzip or zstd data, found broken ones ({FileErrors.OneLine(error.Message)}); "
                + "download or pack it again.",
                error);
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Reading(file, error);
        }
    }
}
