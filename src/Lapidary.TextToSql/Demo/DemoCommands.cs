using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.TextToSql.Demo;

/// <summary>The command lines for the demonstration's steps, from the texts in Assets/Commands.</summary>
internal static class DemoCommands
{
    /// <summary>Quantizes the model.</summary>
    public static string Quantize(DemoFolder folder) => Fill("quantize", ("model", folder.Model), ("output", folder.Quantized));

    /// <summary>Trains the adapter.</summary>
    public static string Train(DemoFolder folder, SftConfig config, LoraConfig lora) => Fill(
        "train",
        ("model", folder.Model),
        ("dataset", folder.TrainFile),
        ("template", RowTemplate.TextToSqlName),
        ("output_dir", folder.Adapter),
        ("max_length", config.MaxLength),
        ("max_steps", config.MaxSteps),
        ("learning_rate", config.LearningRate),
        ("max_grad_norm", config.MaxGradNorm),
        ("lora_dropout", lora.LoraDropout),
        ("gradient_accumulation_steps", config.GradientAccumulationSteps));

    /// <summary>Merges it.</summary>
    public static string Merge(DemoFolder folder) =>
        Fill("merge", ("model", folder.Model), ("adapter", folder.Adapter), ("output", folder.Merged));

    /// <summary>Asks the merged model a question.</summary>
    public static string Generate(DemoFolder folder) =>
        Fill("generate", ("model", folder.Merged), ("messages", folder.Question), ("max_new_tokens", DemoQuestions.MaxNewTokens));

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
