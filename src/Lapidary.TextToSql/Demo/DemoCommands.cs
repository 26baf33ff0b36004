using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.TextToSql.Demo;

/// <summary>The command lines for the demonstration's steps, from the texts in Assets/Commands.</summary>
internal static class DemoCommands
{
    /// <summary>Generates the rows.</summary>
    public static string Data(DemoFolder folder, DemoOptions options) => Fill(
        "data",
        ("rows", options.TrainRows),
        ("eval_rows", options.TestRows),
        ("seed", options.Seed),
        ("output", folder.Data));

    /// <summary>Evaluates the model as it comes.</summary>
    public static string Before(DemoFolder folder, int maxNewTokens) => Fill(
        "before", ("model", folder.Model), ("dataset", folder.TestFile), ("max_new_tokens", maxNewTokens));

    /// <summary>Trains the adapter.</summary>
    public static string Train(DemoFolder folder, SftConfig config, LoraConfig lora) => Fill(
        "train",
        ("model", folder.Model),
        ("dataset", folder.TrainFile),
        ("eval_dataset", folder.TestFile),
        ("eval_metric", config.EvalMetric),
        ("eval_max_new_tokens", config.EvalMaxNewTokens),
        ("template", RowTemplate.TextToSqlName),
        ("output_dir", folder.Adapter),
        ("max_steps", config.MaxSteps),
        ("learning_rate", config.LearningRate),
        ("max_grad_norm", config.MaxGradNorm),
        ("lora_dropout", lora.LoraDropout),
        ("gradient_accumulation_steps", config.GradientAccumulationSteps),
        ("logging_steps", config.LoggingSteps));

    /// <summary>The settings of run.yaml, with the data that the command names.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Settings(
        DemoFolder folder, IEnumerable<KeyValuePair<string, string>> settings) =>
    [
        .. settings,
        new("dataset", Path.GetFullPath(folder.TrainFile)),
        new("eval_dataset", Path.GetFullPath(folder.TestFile)),
        new("template", RowTemplate.TextToSqlName),
    ];

    /// <summary>Evaluates it with the adapter.</summary>
    public static string After(DemoFolder folder, int maxNewTokens) => Fill(
        "after",
        ("model", folder.Model),
        ("adapter", folder.Adapter),
        ("dataset", folder.TestFile),
        ("max_new_tokens", maxNewTokens));

    /// <summary>Merges the adapter.</summary>
    public static string Merge(DemoFolder folder) =>
        Fill("merge", ("model", folder.Model), ("adapter", folder.Adapter), ("output", folder.Merged));

    /// <summary>Asks the merged model a question.</summary>
    public static string Generate(DemoFolder folder, int maxNewTokens) =>
        Fill("generate", ("model", folder.Merged), ("messages", folder.Question), ("max_new_tokens", maxNewTokens));

    /// <summary>The text of an asset on one line, with its placeholders filled in and quoted for a shell. The commands replace what the
    /// demonstration wrote, so that they can be typed again.</summary>
    private static string Fill(string name, params (string Name, object? Value)[] values)
    {
        using var asset = typeof(DemoCommands).Assembly.GetManifestResourceStream($"Assets/Commands/{name}.txt")!;
        using var reader = new StreamReader(asset);
        string line = reader.ReadToEnd().ReplaceLineEndings(" ").Trim();
        return new PromptTemplate(line).Format(values.ToDictionary(
            pair => pair.Name, pair => pair.Value is string text ? ShellText.Quote(text) : pair.Value, StringComparer.Ordinal));
    }
}
