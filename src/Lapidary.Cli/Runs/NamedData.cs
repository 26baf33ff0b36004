using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Runs;

/// <summary>A data set of a command, before its rows are read.</summary>
/// <param name="Name">As it was typed.</param>
/// <param name="Source">Its files; null for standard input.</param>
/// <param name="Options">How columns become rows.</param>
internal sealed record NamedData(string Name, DataSource? Source, DataSetOptions Options)
{
    private const string StandardInput = "standard input";

    /// <summary>The name that gives the same rows again.</summary>
    public string Recorded => Source?.Recorded ?? Name;

    /// <summary>The data sets of --dataset, found but not fetched.</summary>
    /// <exception cref="LapidaryException">One of them does not exist.</exception>
    public static IReadOnlyList<NamedData> Find(CommandRun run, IProgress<WorkProgress>? progress = null) =>
        Find(run, run.Values.Require(DataSettings.DataSet), progress);

    /// <summary>The data sets that --dataset-config, --dataset-split and --template apply to.</summary>
    public static IReadOnlyList<NamedData> Find(
        CommandRun run, IReadOnlyList<string> names, IProgress<WorkProgress>? progress = null) =>
    [
        .. names.Select((name, i) =>
        {
            string? config = DataSettings.Of(run.Values, DataSettings.Config, i, names.Count);
            string? split = DataSettings.Of(run.Values, DataSettings.Split, i, names.Count);
            if (name == DataSettings.StandardInput && (config ?? split) is not null)
                throw run.Wrong("standard input has one split and no configs; leave --dataset-config and --dataset-split out.");
            return Find(run, name, config, split, DataSettings.Read(run.Values, i, names.Count) with { Progress = progress });
        }),
    ];

    /// <summary>The data sets of --eval-dataset; one that --dataset also names has the same config.</summary>
    /// <param name="run">The command.</param>
    /// <param name="progress">Receives the number of rows read so far.</param>
    /// <param name="trainedNames">The other data sets; null for those of --dataset.</param>
    public static IReadOnlyList<NamedData> FindEvaluation(
        CommandRun run, IProgress<WorkProgress>? progress = null, IReadOnlyList<string>? trainedNames = null)
    {
        var (names, trained) = (run.Values.Get(DataSettings.EvalDataSet), trainedNames ?? run.Values.Require(DataSettings.DataSet));
        return
        [
            .. names.Select((name, i) => Find(
                run, name, Config(name), split: null, DataSettings.Read(run.Values, i, names.Count) with { Progress = progress })),
        ];

        string? Config(string name)
        {
            int same = trained.ToList().FindIndex(other => DataSetName.Parse(other).Path == DataSetName.Parse(name).Path);
            return same < 0 ? null : DataSettings.Of(run.Values, DataSettings.Config, same, trained.Count);
        }
    }

    /// <summary>The requested rows.</summary>
    /// <param name="leftOut">Number of rows that filters left out.</param>
    public DataSet Read(out long leftOut)
    {
        return Source is null
            ? DataSet.Read(Console.OpenStandardInput(), StandardInput, Options, out leftOut)
            : DataSet.Load(Source.FetchRows(), Options, out leftOut);
    }

    /// <summary>The records of each of some files.</summary>
    /// <param name="parts">The files; null for standard input.</param>
    /// <param name="records">Reads them.</param>
    public static IEnumerable<IEnumerable<DataRecord>> RecordsOf(IReadOnlyList<SourceRows>? parts, RecordReader records) =>
        parts is null ? [records.Read(Console.OpenStandardInput(), StandardInput)] : parts.SelectMany(records.Read);

    /// <summary>The rows for an evaluation.</summary>
    public DataSet ReadForEvaluation() => Source is null ? Read(out _) : DataSet.Load(Source.FetchForEvaluation(), Options, out _);

    /// <summary>The rows of the validation split, or null.</summary>
    public DataSet? ReadValidation() =>
        Source?.FetchValidation() is { } rows ? DataSet.Load(rows, Options, out _) : null;

    /// <summary>The rows of all data sets, one after the other; reports their splits if there are others.</summary>
    public static DataSet ReadAll(CommandRun run, IReadOnlyList<string> names, IProgress<WorkProgress>? progress = null)
    {
        var sets = Find(run, names, progress).Select(data =>
        {
            // A refusal is one line, without a note before it.
            var rows = data.Read(out long leftOut);
            if (data.Source?.Describe(evaluated: []) is { } splits)
            {
                bool isChosen = !data.Source.IsTrain || run.Values.IsGiven(DataSettings.Split);
                run.Note(isChosen ? $"{splits}." : $"{splits}; the train split is read, name another's file to read it.");
            }

            if (leftOut > 0) run.Note($"{data.Name}: {Amount.Of(leftOut, "row")} left out by --filter.");
            return rows;
        }).ToList();
        return sets.Count == 1 ? sets[0] : DataSet.Concatenate(sets);
    }

    private static NamedData Find(CommandRun run, string name, string? config, string? split, DataSetOptions options) => new(
        name, name == DataSettings.StandardInput ? null : DataSource.Find(name, new CommandHub(run), config, split), options);
}
