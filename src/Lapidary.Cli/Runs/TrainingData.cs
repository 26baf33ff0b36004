using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Runs;

/// <summary>The rows of a run, tokenized and packed, with a summary.</summary>
/// <param name="Train">Rows to train on.</param>
/// <param name="Evaluated">Rows to evaluate on, or null.</param>
/// <param name="Report">A summary of the training rows.</param>
/// <param name="First">The first of them, before packing.</param>
/// <param name="FirstRow">That row before it was tokenized.</param>
/// <param name="IsChat">Whether rows go through the chat template; null if unknown.</param>
/// <param name="Encoder">The tokenizer, or null.</param>
internal sealed record TrainingData(
    PackedDataSet Train, PreparedDataSet? Evaluated, LabelReport Report, Example First, DataRow FirstRow, bool? IsChat,
    ITextEncoder? Encoder)
{
    private DuplicateRows? _duplicates;

    /// <summary>Rows to evaluate on, packed, or null.</summary>
    public PackedDataSet? Evaluation => Evaluated?.Packed;

    /// <summary>A row to try the trained model on: a held-out one if possible.</summary>
    public DataRow Sample => Evaluated?.FirstRow ?? FirstRow;

    /// <summary>Repeated rows; found at the first request.</summary>
    public DuplicateRows Duplicates => _duplicates ??= DuplicateRows.Find(Train.Sequences.Set);

    /// <summary>What evaluations measure besides the loss, or null.</summary>
    public SqlEvaluation? Metric { get; private init; }

    /// <summary>The use of the data sets, one line each; empty if it is obvious.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>The data sets that the rows came from, if there are several.</summary>
    public IReadOnlyList<SourceCount> Sources { get; private init; } = [];

    /// <summary>Names that give the same rows again, by setting: with commits and absolute paths.</summary>
    public IReadOnlyDictionary<Setting, IReadOnlyList<string>> Recorded { get; private init; } =
        new Dictionary<Setting, IReadOnlyList<string>>();

    /// <summary>Reads, draws, splits, tokenizes and packs.</summary>
    /// <exception cref="LapidaryException">A row is invalid, or no token would be trained.</exception>
    public static TrainingData Load(CommandRun run, SftConfig config, GemmaConfig model, TextTools? text)
    {
        var values = run.Values;
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var sources = NamedData.Find(run, work);
        var notes = new List<string>();
        var evaluated = NamedData.FindEvaluation(run, work);
        notes.AddRange(TrainRowsEvaluated(sources, evaluated));
        var (data, evaluation) = Read(values, config, sources, evaluated, notes);
        var metric = config.HasMetric && evaluation is not null
            ? MetricRows.Evaluation(run, config, evaluation, text, Raw)
            : null;

        var encoder = text?.Encoder();
        var prepared = PreparedDataSet.Create(data, encoder, model, config);
        prepared.Report.Validate();
        var preparedEvaluation = evaluation is null ? null : Evaluate(evaluation, config, model, encoder);
        return new TrainingData(
            prepared.Packed, preparedEvaluation, prepared.Report, prepared.Examples.Read(0), prepared.FirstRow!, prepared.IsChat,
            encoder)
        {
            Metric = metric,
            Notes = [.. sources.Select(source => source.Source?.Describe(Splits(source.Source))).OfType<string>(), .. notes],
            Sources = sources.Count > 1 ? SourceCount.Of(sources, data, prepared.Examples) : [],
            Recorded = new Dictionary<Setting, IReadOnlyList<string>>
            {
                [DataSettings.DataSet] = [.. sources.Select(source => source.Recorded)],
                [DataSettings.EvalDataSet] = [.. evaluated.Select(source => source.Recorded)],
            },
        };

        // The same rows in the same order, because both follow from their numbers. Rows that are only trained on need no columns.
        DataSet Raw(RowTemplate template)
        {
            var (raw, rawEvaluated) = (With(sources, template), With(evaluated, template));
            return ReadEvaluation(values, config, raw, rawEvaluated) ?? Read(values, config, raw, rawEvaluated, notes: []).Evaluation!;
        }

        // The splits of a training data set that are evaluated on.
        IReadOnlyList<string> Splits(DataSource source)
        {
            if (evaluated.Count > 0) return [.. evaluated.SelectMany(other => other.Source?.EvaluatedSplitsOf(source) ?? [])];
            return evaluation is not null && values.Get(DataSettings.TestSize) is not > 0 && source.IsTrain
                ? [SplitPart.ValidationName] : [];
        }
    }

    /// <summary>Says where --eval-dataset gives rows for training.</summary>
    private static IEnumerable<string> TrainRowsEvaluated(IReadOnlyList<NamedData> sources, IReadOnlyList<NamedData> evaluated)
    {
        const string Lacks = "has neither a validation nor a test split";
        foreach (var data in evaluated)
        {
            if (data.Source is not { } source) continue;
            if (sources.Any(trained => trained.Source is { } other && source.EvaluatesTrainRowsOf(other)))
                yield return $"{data.Name} {Lacks}: the rows that are trained on are evaluated on";
            else if (source.EvaluatesTrainFiles) yield return $"{data.Name} {Lacks}: its train split is evaluated on";
        }
    }

    private static IReadOnlyList<NamedData> With(IReadOnlyList<NamedData> sources, RowTemplate template) =>
        [.. sources.Select(source => source with { Options = source.Options with { Template = template } })];

    /// <summary>Reads, draws and splits.</summary>
    private static (DataSet Train, DataSet? Evaluation) Read(
        SettingValues values, SftConfig config, IReadOnlyList<NamedData> sources, IReadOnlyList<NamedData> evaluated, List<string> notes)
    {
        var data = RowsOf(values, config, sources, notes);
        if (values.Get(DataSettings.Select) is > 0 and int count) data = (config.Shuffle ? data.Shuffle(config.Seed) : data).Select(count);
        return evaluated.Count == 0 && values.Get(DataSettings.TestSize) is > 0 and double size
            ? data.TrainTestSplit(size, config.Seed)
            : (data, ReadEvaluation(values, config, sources, evaluated));
    }

    /// <summary>The rows to evaluate on; null if there are none, or if they are drawn from the training rows.</summary>
    private static DataSet? ReadEvaluation(
        SettingValues values, SftConfig config, IReadOnlyList<NamedData> sources, IReadOnlyList<NamedData> evaluated)
    {
        if (evaluated.Count > 0) return Join([.. evaluated.Select(source => source.ReadForEvaluation())]);
        if (values.Get(DataSettings.TestSize) is > 0 || config.EvalStrategy == IntervalStrategy.No) return null;
        DataSet[] validation =
        [
            .. sources.Where(source => source.Source is { IsTrain: true }).Select(source => source.ReadValidation()).OfType<DataSet>(),
        ];
        return validation.Length == 0 ? null : Join(validation);
    }

    private static DataSet RowsOf(SettingValues values, SftConfig config, IReadOnlyList<NamedData> sources, List<string> notes)
    {
        var sets = new List<DataSet>();
        foreach (var source in sources)
        {
            sets.Add(source.Read(out long leftOut));
            long rows = sets[^1].Count;
            string others = leftOut == 1 ? "1 is" : $"{leftOut} are";
            if (leftOut > 0) notes.Add($"filter: {rows} of {rows + leftOut} rows of {source.Name} stay, {others} left out");
        }

        if (values.Get(DataSettings.Mix) is not { Count: > 0 } shares) return Join(sets);
        return DataSet.Mix(sets, shares, config.Shuffle ? config.Seed : null, values.Get(DataSettings.Stopping));
    }

    private static DataSet Join(IReadOnlyList<DataSet> sets) => sets.Count == 1 ? sets[0] : DataSet.Concatenate(sets);

    /// <summary>Shows the summary and the warnings.</summary>
    public void Show(CommandRun run)
    {
        var people = run.People;
        people.WriteLine($"data       {Report.ToString().Replace("\n", "\n           ", StringComparison.Ordinal)}");
        foreach (string note in Notes) people.WriteLine($"           {run.Line(note)}");
        foreach (var source in Sources) people.WriteLine($"           {run.Line(source.ToString())}");
        if (Evaluated?.Report is { } report)
            people.WriteLine($"           evaluation rows {report.Examples}, packed into {report.Sequences}");
        if (Metric is not null) people.WriteLine($"metric     {MetricRows.Describe(Metric, Evaluated!.Report.Examples)}");
        foreach (string note in new[] { Report.CacheNote, Evaluated?.Report.CacheNote }.OfType<string>()) run.Note(note);
        foreach (string warning in Report.Warnings()) people.WriteLine($"warning    {run.Line(warning)}");
    }

    /// <summary>Shows the tokens of the first row with their labels, then the summary.</summary>
    /// <param name="run">The command.</param>
    /// <param name="isAll">Whether every token is shown.</param>
    public void Preview(CommandRun run, bool isAll)
    {
        DataPreview.Show(run, this, isAll);
        Show(run);
        DataPreview.ShowFaults(run, this);
        if (run.IsJson) JsonResult.Write(run.Terminal.Out, WriteReport);
    }

    private static PreparedDataSet Evaluate(DataSet data, SftConfig config, GemmaConfig model, ITextEncoder? encoder)
    {
        var prepared = PreparedDataSet.Create(data, encoder, model, config);
        prepared.Report.Validate();
        return prepared;
    }

    private void WriteReport(Utf8JsonWriter json)
    {
        json.WriteNumber("rows", Report.Examples);
        json.WriteNumber("packed_rows", Report.Sequences);
        json.WriteNumber("tokens", Report.Tokens);
        json.WriteNumber("trained_tokens", Report.TrainedTokens);
        json.WriteNumber("truncated_rows", Report.TruncatedRows);
        json.WriteNumber("first_truncated_row", Report.FirstTruncatedRow);
        json.WriteNumber("duplicate_rows", Duplicates.Count);
        json.WriteNumber("truncated_tokens", Report.TruncatedTokens);
        json.WriteNumber("dropped_rows", Report.DroppedRows);
        json.WriteNumber("longest_row", Report.LongestRow);
        json.WriteBoolean("from_cache", Report.FromCache);
        if (Sources.Count == 0) return;
        json.WriteStartArray("sources");
        foreach (var source in Sources)
        {
            json.WriteStartObject();
            json.WriteString("name", source.Name);
            json.WriteNumber("rows", source.Rows);
            json.WriteNumber("tokens", source.Tokens);
            json.WriteNumber("trained_tokens", source.TrainedTokens);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
