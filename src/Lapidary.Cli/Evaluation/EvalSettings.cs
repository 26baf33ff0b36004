using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Gemma;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Evaluation;

/// <summary>The settings of eval.</summary>
internal static class EvalSettings
{
    public static readonly ModelSettings Model = new(QuantizationKind.None);

    /// <summary>Known to all code by its name, which is that of the other commands; the split is another one.</summary>
    public static readonly SettingList DataSet = new(
        "dataset", "PATH|ID",
        "Rows to answer: a file (.jsonl, .json, .csv, .tsv, .parquet), a folder, or owner/name of the Hub. Files may end with .gz or .zst; "
        + "of a folder the validation split is taken, else the test split, else all; patterns with * and ? and owner/name@REVISION work "
        + "too. A split follows a colon: gretelai/synthetic_text_to_sql:test[:100]. Several data sets follow each other.");

    public static readonly SettingList Split = new(
        "dataset-split", "SPLIT",
        "Rows of the data set, instead of its validation or test split: train, test[:100], test[90%:], validation+test; one for all data "
        + "sets or one for each.",
        DataSettings.CheckSplit);

    public static readonly Setting<string> Metric = new(
        "metric", "sql-execution", "What is measured: the share of answers whose SQL gives the rows of the reference.", "sql-execution",
        ParseMetric);

    public static readonly SettingList Predictions = new(
        "predictions", "FILE",
        "Answers made elsewhere, instead of a model: JSON Lines (what generate writes, or prediction, predicted_sql, …), a JSON list, "
        + "BIRD's JSON object, or a text with a query on each line; - for standard input. Twice: before and after.");

    public static readonly Setting<bool> WithBase = Setting.Flag(
        "with-base", "Ask the model without --adapter too, and show both beside each other.");

    public static readonly Setting<bool> HoldNames = Setting.Flag(
        "hold-names", "Hold queries, while they are written, to the tables, columns and aliases that their row has.");

    public static readonly Setting<string?> Output = Setting.Text(
        "output", "FILE", "JSON Lines file for the answers, which a stopped evaluation goes on with.");

    public static readonly Setting<string?> Failures = Setting.Text(
        "failures", "FILE", "JSON Lines file for the answers that are not right: the SQL, both results, and why.");

    public static readonly Setting<double?> FailUnder = Setting.OptionalNumber(
        "fail-under", "End with exit code 1 if the accuracy is lower than this fraction.", 0, 1);

    public static readonly Setting<string?> QuestionColumn = Setting.Text(
        "question-column", "NAME", "Column of the question, instead of sql_prompt or question.");

    public static readonly Setting<string?> ContextColumn = Setting.Text(
        "context-column", "NAME", "Column of the statements that make the tables, instead of sql_context, context or schema.");

    public static readonly Setting<string?> SqlColumn = Setting.Text(
        "sql-column", "NAME", "Column of the reference query, instead of sql, query, SQL or answer.");

    public static readonly Setting<int> MaxNewTokens = Setting.Integer(
        "max-new-tokens", "Most tokens of an answer.", new SqlEvaluationOptions().MaxNewTokens, 1, 1 << 20);

    public static readonly Setting<int?> BatchSize = Setting.OptionalInteger(
        "batch-size", "Most rows to answer at a time on a device; fewer if memory is short. No answer depends on it.", 1, 4096);

    /// <summary>Which rows, and which of their columns.</summary>
    public static IReadOnlyList<Setting> Columns { get; } =
    [
        DataSettings.Config, Split, DataSettings.Filter, DataSettings.Format, DataSettings.Select, QuestionColumn,
        ContextColumn, SqlColumn, DataSettings.Template, DataSettings.MessagesColumn, DataSettings.PromptColumn,
    ];

    /// <summary>Settings that say nothing about answers made elsewhere.</summary>
    public static IReadOnlyList<Setting> OfAModel { get; } =
    [
        .. Model.All, WithBase, HoldNames, Output, MaxNewTokens, BatchSize, .. SamplingSettings.All, DataSettings.Template,
        DataSettings.MessagesColumn, DataSettings.PromptColumn,
    ];

    private static string ParseMetric(string text) => text.Replace('_', '-') is "sql-execution"
        ? "sql-execution" : throw SettingText.Expected("sql-execution", text);
}
