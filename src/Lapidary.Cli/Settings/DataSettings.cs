using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Sources;

namespace Lapidary.Cli.Settings;

/// <summary>Which rows, and how columns become them.</summary>
internal static class DataSettings
{
    public static readonly SettingList DataSet = new(
        "dataset", "PATH|ID",
        "Rows: a file (.jsonl, .json, .csv, .tsv, .parquet), a folder, or owner/name of the Hub. Files may end with .gz or .zst; of a "
        + "folder the train split is taken; patterns with * and ?, pipes, - for standard input and owner/name@REVISION work too. A split "
        + "follows a colon: gretelai/synthetic_text_to_sql:train[:1000]. Several data sets follow each other, or are mixed by --mix.");

    public static readonly SettingList EvalDataSet = new(
        "eval-dataset", "PATH|ID",
        "Rows to evaluate on, instead of the validation split of --dataset. Of a data set without a split in its name: its validation "
        + "split, else its test split, else all.");

    public static readonly SettingList Config = new(
        "dataset-config", "NAME", "Config of the data set's card, instead of its default one; one for all data sets or one for each.");

    public static readonly SettingList Split = new(
        "dataset-split", "SPLIT",
        "Rows of the data set, instead of train: test, train[:1000], train[90%:], train+validation; one for all data sets or one for each.",
        CheckSplit);

    public static readonly SettingList Filter = new(
        "filter", "COLUMN=VALUE",
        "Keep only matching rows: = != < <= > >=, or ~ for a part of a text. May be repeated; rows must match all filters.",
        text => Try(() => RowFilter.Parse(text)));

    public static readonly Setting<IReadOnlyList<double>> Mix = new(
        "mix", "X,Y",
        "Share of each data set among the rows, in the order of --dataset: 0.7,0.3; rows are drawn by --seed, none of them twice.",
        [], Shares, shares => shares.Count == 0 ? null : string.Join(',', shares.Select(share => SettingText.Format(share))));

    public static readonly Setting<MixStopping> Stopping = new(
        "mix-stopping", "WHEN",
        $"How many rows --mix takes: {SettingText.Choices(typeof(MixStopping))}; until the first data set is used up, or until all are, "
        + "with rows of the smaller ones several times.",
        MixStopping.FirstExhausted, text => (MixStopping)SettingText.Enumeration(typeof(MixStopping), text));

    public static readonly Setting<DataFormat?> Format = new(
        "dataset-format", "FORMAT",
        $"File format, if the name does not show it: {SettingText.Choices(typeof(DataFormat))}; a pipe holds jsonl.",
        null, text => (DataFormat)SettingText.Enumeration(typeof(DataFormat), text));

    public static readonly Setting<double> TestSize = Setting.Number(
        "test-size", "Rows to hold out for evaluation. Their number, or a share below 1. Not with --eval-dataset.",
        0, 0, int.MaxValue);

    public static readonly Setting<int> Select = Setting.Integer("select", "Use this many rows, drawn by --seed; 0 for all.", 0);

    public static readonly SettingList Template = new(
        "template", "NAME|FILE",
        $"Build conversations from columns: {RowTemplate.Names}, or a JSON file with system, user and assistant; one for all data sets "
        + "or one for each.")
    {
        Completions = RowTemplate.BuiltIn.Keys,
    };

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
        "Folder for tokenized rows, which later runs reuse (default: tokenized in the user's cache, LAPIDARY_CACHE); none keeps nothing.");

    /// <summary>The path that means standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>Whether a path is a pipe that no later process finds under this name.</summary>
    public static bool IsPipe(string path) =>
        path is StandardInput or "/dev/stdin" || path.StartsWith("/dev/fd/", StringComparison.Ordinal);

    /// <summary>Which rows of the data sets, and how columns become rows.</summary>
    public static IReadOnlyList<Setting> Columns { get; } =
        [Config, Split, Filter, Format, Template, MessagesColumn, TextColumn, PromptColumn, CompletionColumn];

    /// <summary>The value of a setting for one of several data sets: one for all, or one for each.</summary>
    /// <exception cref="UsageException">There are as many as neither.</exception>
    public static string? Of(SettingValues values, SettingList setting, int index, int count)
    {
        var given = values.Get(setting);
        if (given.Count <= 1) return given.Count == 0 ? null : given[0];
        return given.Count == count ? given[index] : throw new UsageException(
            $"--{setting.Name}: expected one for all data sets or one for each of {count}, found {given.Count}.", values.Command);
    }

    /// <summary>How columns of one of several data sets become rows.</summary>
    public static DataSetOptions Read(SettingValues values, int index, int count) => new()
    {
        Format = values.Get(Format),
        Filters = [.. values.Get(Filter).Select(RowFilter.Parse)],
        Template = Of(values, Template, index, count) is { } template ? RowTemplate.Load(template) : null,
        MessagesColumn = values.Get(MessagesColumn),
        TextColumn = values.Get(TextColumn),
        PromptColumn = values.Get(PromptColumn),
        CompletionColumn = values.Get(CompletionColumn),
        CacheDir = values.Get(Cache) is "none" ? "" : values.Get(Cache),
    };

    /// <summary>Refuses what is no split.</summary>
    internal static void CheckSplit(string text) =>
        _ = SplitExpression.TryParse(text) ?? throw SettingText.Expected("a split such as train or train[:1000]", text);

    private static double[] Shares(string text) =>
        [.. text.Split(',').Select(part => SettingText.Number(part.Trim(), double.Epsilon, 1e9))];

    /// <summary>What a library says of a value, as parsers of settings say it.</summary>
    private static void Try(Action parse)
    {
        try
        {
            parse();
        }
        catch (LapidaryException error)
        {
            throw new FormatException(error.Message.TrimEnd('.'), error);
        }
    }
}
