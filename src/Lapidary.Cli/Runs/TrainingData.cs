using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Runs;

/// <summary>The rows of a run, tokenized and packed, with what there is to say about them.</summary>
/// <param name="Train">Rows to train on.</param> <param name="Evaluated">Rows to evaluate on, or null.</param>
/// <param name="Report">Of the rows to train on.</param> <param name="First">The first of them, before packing.</param>
/// <param name="FirstRow">That row before it was tokenized.</param> <param name="Encoder">The tokenizer, or null.</param>
internal sealed record TrainingData(
    PackedDataSet Train, PreparedDataSet? Evaluated, LabelReport Report, Example First, DataRow FirstRow, ITextEncoder? Encoder)
{
    /// <summary>Rows to evaluate on, packed, or null.</summary>
    public PackedDataSet? Evaluation => Evaluated?.Packed;

    /// <summary>Which files of a folder are used for what; null where they are no splits.</summary>
    public string? Splits { get; private init; }

    /// <summary>Reads, draws, splits, tokenizes and packs.</summary>
    /// <exception cref="LapidaryException">A row is not what it should be, or nothing would be trained.</exception>
    public static TrainingData Load(SettingValues values, SftConfig config, GemmaConfig model, TextTools? text)
    {
        var options = DataSettings.Read(values);
        string path = values.Require(DataSettings.DataSet);
        var files = path == DataSettings.StandardInput ? null : SplitFiles.Find(path);
        var data = files is null ? DataSettings.Load(path, options) : DataSet.Load(path, files.Train, options);
        if (values.Get(DataSettings.Select) is > 0 and int count) data = (config.Shuffle ? data.Shuffle(config.Seed) : data).Select(count);
        DataSet? evaluation = null;
        bool usesValidation = false;
        if (values.Get(DataSettings.EvalDataSet) is { } other)
        {
            evaluation = other == DataSettings.StandardInput
                ? DataSettings.Load(other, options)
                : DataSet.Load(other, SplitFiles.Find(other).ForEvaluation, options);
        }
        else if (values.Get(DataSettings.TestSize) is > 0 and double size)
        {
            (data, evaluation) = data.TrainTestSplit(size, config.Seed);
        }
        else if (files is { Validation.Count: > 0 } && config.EvalStrategy != IntervalStrategy.No)
        {
            evaluation = DataSet.Load(path, files.Validation, options);
            usesValidation = true;
        }

        var encoder = text?.Encoder();
        var prepared = PreparedDataSet.Create(data, encoder, model, config);
        prepared.Report.Validate();
        var evaluated = evaluation is null ? null : Evaluate(evaluation, config, model, encoder);
        return new TrainingData(prepared.Packed, evaluated, prepared.Report, prepared.Examples.Read(0), prepared.FirstRow!, encoder)
        {
            Splits = files?.Describe(usesValidation),
        };
    }

    /// <summary>Shows the report and what looks wrong.</summary>
    public void Show(CommandRun run)
    {
        var people = run.People;
        people.WriteLine($"data       {Report.ToString().Replace("\n", "\n           ", StringComparison.Ordinal)}");
        if (Splits is not null) people.WriteLine($"           {Splits}");
        if (Evaluated?.Report is { } report)
            people.WriteLine($"           evaluation rows {report.Examples}, packed into {report.Sequences}");
        foreach (string note in new[] { Report.CacheNote, Evaluated?.Report.CacheNote }.OfType<string>()) run.Note(note);
        foreach (string warning in Report.Warnings()) people.WriteLine($"warning    {run.Line(warning)}");
    }

    /// <summary>Shows the tokens of the first row with their labels, then the report.</summary>
    public void Preview(CommandRun run)
    {
        run.People.Write(TokenPreview.Table(TokenPreview.Create(First, Encoder)));
        Show(run);
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
        json.WriteNumber("truncated_tokens", Report.TruncatedTokens);
        json.WriteNumber("dropped_rows", Report.DroppedRows);
        json.WriteNumber("longest_row", Report.LongestRow);
        json.WriteBoolean("from_cache", Report.FromCache);
    }
}
