using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Data;

/// <summary>data prepare: the guide's steps from a data set to files of conversations.</summary>
internal static class PrepareCommand
{
    private static readonly ModelSettings Model = new(QuantizationKind.None, hasAdapter: false);

    private static readonly Setting<string?> Output = Setting.Text(
        "output", "DIR|FILE", "Folder for the splits and their card, or a file .jsonl or .parquet for all rows.");

    private static readonly Setting<PreparedFormat> Format = new(
        "format", "jsonl|parquet", "Format of the files in a folder: train.jsonl and test.jsonl, or Parquet in the Hub's layout.",
        PreparedFormat.Jsonl, text => (PreparedFormat)SettingText.Enumeration(typeof(PreparedFormat), text));

    private static readonly Setting<bool> KeepColumns = Setting.Flag("keep-columns", "Keep the columns that --template was made from.");

    private static readonly Setting<bool> DropDuplicates = Setting.Flag(
        "drop-duplicates", "Leave out rows with prompt and answer of an earlier one, before rows are drawn.");

    private static readonly Setting<bool> NoLeaks = Setting.Flag(
        "no-leaks", "Leave out test rows whose prompt is also in the training rows; case, blanks and punctuation do not count.");

    private static readonly Setting<int?> MaxLength = Setting.OptionalInteger(
        "max-length", "Leave out rows of more tokens; needs --tokenizer or --model.", 2);

    private static readonly Setting<bool> Overwrite = Setting.Flag("overwrite", "Replace files of the same names.");

    private static readonly Setting[] Draw = [SftSettings.Of(nameof(SftConfig.Shuffle)), SftSettings.Of(nameof(SftConfig.Seed))];

    private const int ProgressRows = 1024;

    /// <summary>What a query is run on and compared with.</summary>
    private static readonly string[] SqlColumns = ["sql_context", "sql"];

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("prepare", "Draw, split and convert rows as train does, and write them as files that train and Python's datasets "
            + "read.",
                "--dataset philschmid/gretel-synthetic-text-to-sql --template text-to-sql --select 12500 --test-size 2500 --output data",
                "--dataset rows.csv --prompt-column question --completion-column answer --test-size 0.1 --format parquet --output data",
                "--dataset chat.jsonl --drop-duplicates --max-length 1024 --tokenizer gemma-3-1b-it --output chat-1024.jsonl")
            .Takes([
                DataSettings.DataSet, .. DataSettings.Columns, DataSettings.Mix, DataSettings.Stopping, DataSettings.Select,
                DataSettings.TestSize, .. Draw, Output, Format, KeepColumns, DropDuplicates, NoLeaks, MaxLength, Model.Model,
                Model.Tokenizer, Overwrite,
            ])
            .Takes(ToolCommand.Json)
            .Requires(DataSettings.DataSet)
            .Requires(Output)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var values = run.Values;
        double testSize = values.Get(DataSettings.TestSize);
        var files = PreparedFiles.Of(run, values.Require(Output), values.Get(Format), testSize > 0, values.Get(Overwrite));
        if (values.Get(NoLeaks) && testSize == 0) throw run.Wrong("--no-leaks leaves out test rows; give --test-size.");
        var encoder = Encoder(run);
        var config = SftSettings.Read(values);
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var sources = NamedData.Find(run, work);
        using var folder = files.Folder is { } path
            ? OutputFolder.Open(path, sources.Select(source => source.Name).Where(Directory.Exists)) : null;
        var counts = new PreparedCounts();
        var rows = StoredRecords.Read(run, sources, config, work);
        counts.Read = rows.Count;
        if (values.Get(DropDuplicates)) rows = WithoutDuplicates(rows, counts);
        if (values.Get(DataSettings.Select) is > 0 and int count) rows = rows.Select(count, config);
        (StoredRecords train, StoredRecords? test) = (rows, null);
        if (testSize > 0) (train, test) = rows.Split(testSize, config);
        if (values.Get(MaxLength) is { } length)
        {
            train = Short(train, encoder!, config, length, counts);
            if (test is not null) test = Short(test, encoder!, config, length, counts);
        }

        if (test is not null && values.Get(NoLeaks)) test = WithoutLeaks(train, test, counts);
        (counts.Train, counts.Test) = (train.Count, test?.Count ?? 0);
        if (train.Count == 0 || test?.Count == 0)
            throw new LapidaryException($"{(train.Count == 0 ? "Training" : "Test")} rows: expected at least one, found none that are "
                + $"kept.");
        var asJson = Write(run, files.Train, train, work).ToHashSet();
        if (test is not null) asJson.UnionWith(Write(run, files.Test!, test, work));
        files.WriteCard(sources, counts, config);
        work.Dispose();
        if (asJson.Count > 0) run.Note($"Parquet holds {string.Join(", ", asJson)} as JSON text.");
        if (LosesQueries(train[0].Columns, train[0].HasTemplate) && !values.Get(KeepColumns))
        {
            run.Note($"the columns {SqlColumns[0]} and {SqlColumns[1]} are not kept; --keep-columns keeps them, for eval and for "
                + "train --eval-metric sql_execution.");
        }

        counts.Report(run, files, sources.Select(source => source.Name));
    }

    /// <summary>Whether a row becomes a conversation of columns whose queries could be run.</summary>
    private static bool LosesQueries(IReadOnlyDictionary<string, object?> columns, bool hasTemplate) =>
        hasTemplate && SqlColumns.All(columns.ContainsKey);

    private static ITextEncoder? Encoder(CommandRun run)
    {
        if (run.Values.Get(MaxLength) is null) return null;
        if (ModelFolders.FindTokenizer(run, Model) is { } folder) return TextTools.Load(folder, needsTemplate: false).Encoder();
        return run.Values.IsGiven(Model.Model)
            ? TextTools.TryLoad(Model, run.Values, ModelFolders.Find(run, Model), needsTemplate: false)?.Encoder()
                ?? throw TextTools.NoTokenizer()
            : throw run.Wrong("--max-length counts tokens; give --tokenizer or --model.");
    }

    private static StoredRecords WithoutDuplicates(StoredRecords rows, PreparedCounts counts)
    {
        var seen = new HashSet<UInt128>();
        var kept = rows.Where(row => seen.Add(RowTexts.Of(row).WholeHash));
        counts.Duplicates = rows.Count - kept.Count;
        return kept;
    }

    private static StoredRecords WithoutLeaks(StoredRecords train, StoredRecords test, PreparedCounts counts)
    {
        var prompts = new HashSet<UInt128>();
        for (int i = 0; i < train.Count; i++) prompts.Add(RowTexts.Of(train[i].Row).LooseHash);
        var kept = test.Where(row => !prompts.Contains(RowTexts.Of(row).LooseHash));
        counts.Leaks = test.Count - kept.Count;
        return kept;
    }

    private static StoredRecords Short(StoredRecords rows, ITextEncoder encoder, SftConfig config, int length, PreparedCounts counts)
    {
        var tokenizer = InspectCommand.TokenizerOf(rows[0].Row, encoder, config);
        var kept = rows.Where(row => tokenizer.Tokenize(row).Example.InputIds.Length <= length);
        counts.TooLong += rows.Count - kept.Count;
        return kept;
    }

    private static IReadOnlyList<string> Write(CommandRun run, string path, StoredRecords rows, WorkScreen progress) =>
        RowFile.Write(run, path, Enumerable.Range(0, rows.Count).Select(i =>
        {
            if (i % ProgressRows == 0) progress.Report(new("writing rows", i, rows.Count, "rows"));
            run.Interrupted.ThrowIfCancellationRequested();
            var (columns, row, hasTemplate) = rows[i];
            return hasTemplate ? Conversation((MessagesRow)row, run.Values.Get(KeepColumns) ? columns : null) : columns;
        }));

    /// <summary>The row that a template made.</summary>
    /// <param name="row">Its messages.</param>
    /// <param name="others">The columns that stay beside them; null for none.</param>
    private static OrderedDictionary<string, object?> Conversation(MessagesRow row, IReadOnlyDictionary<string, object?>? others)
    {
        object?[] messages = [.. row.Messages.Select(turn => new OrderedDictionary<string, object?>
        {
            ["role"] = turn.Role,
            ["content"] = turn.Content
                ?? throw row.Origin.Error("expected messages of text, found one of parts; such rows are written without --template."),
        })];
        var columns = new OrderedDictionary<string, object?> { ["messages"] = messages };
        foreach (var (name, value) in others ?? new Dictionary<string, object?>()) columns.TryAdd(name, value);
        return columns;
    }
}
