using Lapidary.Cli.CommandLine;
using Lapidary.Training;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Settings;

/// <summary>Which rows, and how columns become them.</summary>
internal static class DataSettings
{
    public static readonly Setting<string?> DataSet =
        Setting.Text(
            "dataset", "PATH",
            "Rows: a .jsonl, .json, .csv, .tsv or .parquet file, also .gz or .zst, a folder of them (its train split), a pattern with * "
            + "and ?, a pipe, or - for standard input.");

    public static readonly Setting<string?> EvalDataSet = Setting.Text(
        "eval-dataset", "PATH", "Rows to evaluate on, instead of the validation split of --dataset's folder.");

    public static readonly Setting<DataFormat?> Format = new(
        "dataset-format", "FORMAT",
        $"What the rows are written in, where names do not say it: {SettingText.Choices(typeof(DataFormat))}; a pipe holds jsonl.",
        null, text => (DataFormat)SettingText.Enumeration(typeof(DataFormat), text));

    public static readonly Setting<double> TestSize = Setting.Number(
        "test-size", "Rows of the data set to evaluate on where there is no --eval-dataset: their number, or their share below 1.",
        0, 0, int.MaxValue);

    public static readonly Setting<int> Select = Setting.Integer("select", "Use this many rows, drawn by --seed; 0 for all.", 0);

    public static readonly Setting<string?> Template = Setting.Text(
        "template", "NAME|FILE",
        $"Make conversations out of columns: {RowTemplate.TextToSqlName} (the guide's), or a JSON file with system, user and assistant.");

    public static readonly Setting<string?> MessagesColumn =
        Setting.Text("messages-column", "NAME", "Column of the conversation, instead of messages.");

    public static readonly Setting<string?> TextColumn =
        Setting.Text("text-column", "NAME", "Column of plain text, instead of text.");

    public static readonly Setting<string?> PromptColumn =
        Setting.Text("prompt-column", "NAME", "Column of the prompt, instead of prompt.");

    public static readonly Setting<string?> CompletionColumn =
        Setting.Text("completion-column", "NAME", "Column of the completion, instead of completion.");

    public static readonly Setting<string?> Cache = Setting.Text(
        "dataset-cache", "DIR|none",
        "Where the tokens of rows are kept for later runs, instead of tokenized in the user's cache (LAPIDARY_CACHE); none keeps nothing.");

    /// <summary>The path that means standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>Whether a path is a pipe that no later process finds under this name.</summary>
    public static bool IsPipe(string path) =>
        path is StandardInput or "/dev/stdin" || path.StartsWith("/dev/fd/", StringComparison.Ordinal);

    /// <summary>How columns become rows.</summary>
    public static IReadOnlyList<Setting> Columns { get; } = [Format, Template, MessagesColumn, TextColumn, PromptColumn, CompletionColumn];

    /// <summary>The record with the values given.</summary>
    public static DataSetOptions Read(SettingValues values) => new()
    {
        Format = values.Get(Format),
        Template = values.Get(Template) is { } template ? RowTemplate.Load(template) : null,
        MessagesColumn = values.Get(MessagesColumn),
        TextColumn = values.Get(TextColumn),
        PromptColumn = values.Get(PromptColumn),
        CompletionColumn = values.Get(CompletionColumn),
        CacheDir = values.Get(Cache) is "none" ? "" : values.Get(Cache),
    };

    /// <summary>The rows of a path or of standard input; a command that reads one split of a folder says which.</summary>
    public static Training.DataSet Load(CommandRun run, string path)
    {
        var options = Read(run.Values);
        if (path == StandardInput) return Load(path, options);
        var files = SplitFiles.Find(path);
        if (files.Describe(usesValidation: false) is { } splits)
            run.Note($"{splits}; the train split is read, name another's file to read it.");
        return Training.DataSet.Load(path, files.Train, options);
    }

    /// <summary>The rows of a path or of standard input.</summary>
    public static Training.DataSet Load(string path, DataSetOptions options) => path == StandardInput
        ? Training.DataSet.Read(Console.OpenStandardInput(), "standard input", options)
        : Training.DataSet.Load(path, options);
}
