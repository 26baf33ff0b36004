using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Data;

/// <summary>data inspect: what a data set holds, and one of its rows.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string[]> Files = new("FILE")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "Data sets, as for --dataset.",
    };

    private static readonly ModelSettings Model = new(QuantizationKind.None, hasAdapter: false);

    private static readonly Setting<int?> Row = Setting.OptionalInteger(
        "row", "Show only this row, counted from 1: its columns, its messages and, with a tokenizer, its tokens and which are trained.", 1);

    private static readonly Setting<bool> CheckSql = Setting.Flag(
        "check-sql", "Run sql_context and sql of each row in SQLite, in memory and within limits, and count what fails.", fallback: true);

    private static readonly Setting[] Labels =
    [
        SftSettings.Of(nameof(SftConfig.MaxLength)), SftSettings.Of(nameof(SftConfig.CompletionOnlyLoss)),
        SftSettings.Of(nameof(SftConfig.AssistantOnlyLoss)), SftSettings.Of(nameof(SftConfig.AddSpecialTokens)),
        SftSettings.Of(nameof(SftConfig.AppendConcatToken)),
    ];

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("inspect", "Show columns, lengths, duplicates, leaks into the evaluation rows and failing SQL; or a row as it is "
            + "trained.",
                "sql.jsonl", "train.jsonl --eval-dataset test.jsonl --tokenizer gemma-3-1b-it --max-length 1024",
                "sql.jsonl --row 17 --tokenizer gemma-3-1b-it --template text-to-sql")
            .Takes(Files)
            .Takes([
                DataSettings.DataSet, DataSettings.EvalDataSet, .. DataSettings.Columns, Model.Model, Model.Tokenizer, .. Labels,
                Row, CheckSql,
            ])
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        string[] names = [.. run.Get(Files) ?? [], .. run.Values.Get(DataSettings.DataSet)];
        if (names.Length == 0) throw run.Wrong("expected a FILE or --dataset, found none.");
        using var work = new WorkScreen(run.Terminal, run.IsJson);
        var sources = NamedData.Find(run, names, work);
        var config = SftSettings.Read(run.Values);
        var encoder = Tools(run)?.Encoder();
        if (run.Values.Get(Row) is { } number)
        {
            var (row, reading) = Find(sources, number);
            work.Dispose();
            RowView.Show(run, row, reading, number, encoder, config);
            return;
        }

        var found = new Inspection();
        var readings = Inspect(run, sources.Select(source => new RowReading(source)).Select(reading => (reading, reading.Read())), found,
            encoder, config, others: null, work);
        var evaluation = Evaluate(run, names, sources, found, encoder, config, work);
        work.Dispose();
        foreach (var reading in readings.Where(reading => reading.LeftOut > 0))
            run.Note($"{Amount.Of(reading.LeftOut, "row")} left out by --filter.");
        var report = new InspectReport(names, readings[0], found, evaluation, encoder is null ? null : config.MaxLength);
        run.Print(report.Write, text => report.Write(run, text));
    }

    private static TextTools? Tools(CommandRun run)
    {
        if (ModelFolders.FindTokenizer(run, Model) is { } folder) return TextTools.Load(folder, needsTemplate: false);
        return run.Values.IsGiven(Model.Model)
            ? TextTools.TryLoad(Model, run.Values, ModelFolders.Find(run, Model), needsTemplate: false)
            : null;
    }

    /// <summary>Examines the rows to evaluate on: those of --eval-dataset, else a split of the same data set.</summary>
    /// <returns>Their name and what was found; null if there are none.</returns>
    private static (string Name, Inspection Found)? Evaluate(
        CommandRun run, string[] names, IReadOnlyList<NamedData> sources, Inspection trained, ITextEncoder? encoder, SftConfig config,
        WorkScreen work)
    {
        var evaluated = NamedData.FindEvaluation(run, work, names);
        var found = new Inspection();
        if (evaluated.Count > 0)
        {
            Inspect(run, evaluated.Select(source => new RowReading(source)).Zip(evaluated, (reading, source) =>
                (reading, reading.Read(source.Source?.FetchForEvaluation()))), found, encoder, config, trained, work);
            return (string.Join(", ", evaluated.Select(source => source.Name)), found);
        }

        if (run.Values.IsGiven(DataSettings.Split) || sources.Count > 1 || sources[0].Source?.FetchHeldOut() is not { } held) return null;
        var rows = new RowReading(sources[0]);
        Inspect(run, [(rows, rows.Read(held))], found, encoder, config, trained, work);
        return ($"split {held[0].Part.Split}", found);
    }

    private static List<RowReading> Inspect(
        CommandRun run, IEnumerable<(RowReading Reading, IEnumerable<ReadRow> Rows)> readings, Inspection found, ITextEncoder? encoder,
        SftConfig config, Inspection? others, WorkScreen work)
    {
        var done = new List<RowReading>();
        foreach (var (reading, rows) in readings)
        {
            RowTokenizer? tokenizer = null;
            using var all = rows.GetEnumerator();
            if (!all.MoveNext()) throw new LapidaryException($"{string.Join(", ", run.Get(Files) ?? [])}: expected at least one row, "
                + $"found none.");
            if (encoder is not null && all.Current.Row is { } first) tokenizer = TokenizerOf(first, encoder, config);
            found.Add(
                Rest(all), tokenizer, config.MaxLength, run.Values.Get(CheckSql), others,
                count => work.Report(new("reading rows", count, Total: 0, "rows")), run.Interrupted);
            done.Add(reading);
        }

        return done;
    }

    /// <summary>Tokenizes rows as train does.</summary>
    /// <param name="first">A row: it decides whether prompts are trained, if no option does.</param>
    /// <param name="encoder">The tokenizer.</param>
    /// <param name="config">Label rules.</param>
    internal static RowTokenizer TokenizerOf(DataRow first, ITextEncoder encoder, SftConfig config) => new(
        encoder, int.MaxValue, config.Examples,
        config.Examples.CompletionOnlyLoss ?? first is PromptCompletionRow or ConversationalPromptRow);

    private static (ReadRow Row, RowReading Reading) Find(IReadOnlyList<NamedData> sources, int number)
    {
        long count = 0;
        foreach (var source in sources)
        {
            var reading = new RowReading(source);
            foreach (var row in reading.Read())
                if (++count == number) return (row, reading);
        }

        throw new ToolException($"--row {number}: expected a row from 1 to {count}, as the data set has no more.");
    }

    private static IEnumerable<ReadRow> Rest(IEnumerator<ReadRow> rows)
    {
        do yield return rows.Current;
        while (rows.MoveNext());
    }
}
