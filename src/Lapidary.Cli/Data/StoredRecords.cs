using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Data;

/// <summary>Rows with all of their columns, drawn and split as train draws and splits them. Each row is JSON text in a data set: so it is
/// stored as bytes, and the orders are those of train.</summary>
internal sealed class StoredRecords
{
    private readonly IReadOnlyList<DataSetOptions> _options;
    private readonly DataSet _data;

    private StoredRecords(IReadOnlyList<DataSetOptions> options, DataSet data) => (_options, _data) = (options, data);

    /// <summary>Number of rows.</summary>
    public int Count => _data.Count;

    /// <summary>Reads all rows of data sets, and mixes them if --mix says so.</summary>
    /// <exception cref="LapidaryException">A row is invalid.</exception>
    public static StoredRecords Read(CommandRun run, IReadOnlyList<NamedData> sources, SftConfig config, IProgress<WorkProgress> progress)
    {
        var options = new List<DataSetOptions>();
        var sets = new List<DataSet>();
        foreach (var source in sources)
        {
            var reading = new RowReading(source);
            sets.Add(DataSet.From(Counted(reading.Read(), progress), row => new TextRow(RowFile.ToJson(row.Record.Columns))));
            if (reading.Unknown is { } unknown) throw new LapidaryException(unknown);
            if (reading.GuessedTemplate is { } template) run.Note($"{source.Name}: rows are read with --template {template}, which their "
                + $"columns fit.");
            if (reading.LeftOut > 0) run.Note($"{source.Name}: {Amount.Of(reading.LeftOut, "row")} left out by --filter.");
            options.Add(reading.Options);
        }

        var data = run.Values.Get(DataSettings.Mix) is { Count: > 0 } shares
            ? DataSet.Mix(sets, shares, config.Shuffle ? config.Seed : null, run.Values.Get(DataSettings.Stopping))
            : sets.Count == 1 ? sets[0] : DataSet.Concatenate(sets);
        return new(options, data);
    }

    /// <summary>A row.</summary>
    public (IReadOnlyDictionary<string, object?> Columns, DataRow Row, bool HasTemplate) this[int index]
    {
        get
        {
            var text = (TextRow)_data.Rows[index];
            var columns = (IReadOnlyDictionary<string, object?>)JsonValue.Parse(Encoding.UTF8.GetBytes(text.Text))!;
            var options = _options[_options.Count == 1 ? 0 : _data.PartOf(index)];
            return (columns, new RowReader(options).Read(new DataRecord(text.Origin, columns)), options.Template is not null);
        }
    }

    /// <summary>As train's --select.</summary>
    public StoredRecords Select(int count, SftConfig config) =>
        new(_options, (config.Shuffle ? _data.Shuffle(config.Seed) : _data).Select(count));

    /// <summary>As train's --test-size.</summary>
    public (StoredRecords Train, StoredRecords Test) Split(double testSize, SftConfig config)
    {
        var (train, test) = _data.TrainTestSplit(testSize, config.Seed);
        return (new(_options, train), new(_options, test));
    }

    /// <summary>The rows that a condition keeps, in order.</summary>
    public StoredRecords Where(Func<DataRow, bool> keeps) =>
        new(_options, _data.Pick([.. Enumerable.Range(0, Count).Where(i => keeps(this[i].Row))]));

    private static IEnumerable<ReadRow> Counted(IEnumerable<ReadRow> rows, IProgress<WorkProgress> progress)
    {
        long count = 0;
        foreach (var row in rows)
        {
            if (row.Error is { } error) throw new LapidaryException(error);
            if (++count % 4096 == 0) progress.Report(new("reading rows", count, Total: 0, "rows"));
            yield return row;
        }
    }
}
