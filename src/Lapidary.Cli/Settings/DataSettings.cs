using Lapidary.Cli.CommandLine;
using Lapidary.Training;

namespace Lapidary.Cli.Settings;

/// <summary>Which rows, and how columns become them.</summary>
internal static class DataSettings
{
    public static readonly Setting<string?> DataSet =
        Setting.Text("dataset", "PATH", "Rows: a .jsonl, .json, .csv, .tsv or .parquet file, a folder of them, or a pattern with * and ?.");

    public static readonly Setting<string?> EvalDataSet = Setting.Text("eval-dataset", "PATH", "Rows to evaluate on.");

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

    /// <summary>How columns become rows.</summary>
    public static IReadOnlyList<Setting> Columns { get; } = [Template, MessagesColumn, TextColumn, PromptColumn, CompletionColumn];

    /// <summary>The record with the values given.</summary>
    public static DataSetOptions Read(SettingValues values) => new()
    {
        Template = values.Get(Template) is { } template ? RowTemplate.Load(template) : null,
        MessagesColumn = values.Get(MessagesColumn),
        TextColumn = values.Get(TextColumn),
        PromptColumn = values.Get(PromptColumn),
        CompletionColumn = values.Get(CompletionColumn),
    };
}
