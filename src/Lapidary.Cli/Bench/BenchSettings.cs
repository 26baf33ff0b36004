using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Bench;

/// <summary>Options of bench that override a case's values.</summary>
internal static class BenchSettings
{
    public static readonly Setting<string?> Size =
        ModelSettings.Size("Size of the random model; makes a case of its own where no case is named.");

    public static readonly Setting<int?> Texts =
        Setting.OptionalInteger("texts", "Measure answers to so many prompts, with --batch of them at once.", 1, 1 << 20);

    public static readonly Setting<int?> NewTokens =
        Setting.OptionalInteger("max-new-tokens", "Measure decoding of so many tokens; 0 for training.", 0, 1 << 20);

    private static readonly Setting<int?> Batch =
        Integer("batch", "Rows per micro-batch, or texts that are decoded at once.", nameof(SftConfig.PerDeviceTrainBatchSize));

    private static readonly Setting<int?> Length =
        Integer("length", "Tokens of a row, or of the prompt.", nameof(SftConfig.MaxLength));

    private static readonly Setting<int?> Accumulation =
        Integer("accumulation", "Micro-batches per optimizer step.", nameof(SftConfig.GradientAccumulationSteps));

    private static readonly Setting<bool?> TrainEmbeddings =
        Setting.OptionalFlag("train-embeddings", "Train embed_tokens and lm_head too, as the guide does.");

    private static readonly Setting GradientCheckpointing = SftSettings.Of(nameof(SftConfig.GradientCheckpointing));

    private static readonly Setting<double?> Dropout =
        Number("lora-dropout", "Probability that an element of an adapter's input is dropped.", nameof(LoraConfig.LoraDropout));

    private static readonly Setting<double?> Temperature = SamplingSettings.Number(
        "temperature", "Decode by drawing tokens at this temperature; 0, the default, takes the likeliest.",
        nameof(GenerationOptions.Temperature));

    private static readonly Setting<int?> TopK = SamplingSettings.Integer(
        "top-k", "Draw among this many of the likeliest tokens, 0 or -1 for all.", nameof(GenerationOptions.TopK));

    private static readonly Setting<double?> TopP = SamplingSettings.Number(
        "top-p", "Draw among the likeliest tokens that together reach it, 0 for the likeliest.", nameof(GenerationOptions.TopP));

    private static readonly Setting<int?> Steps =
        Setting.OptionalInteger("steps", "Optimizer steps, or generations, to measure.", 1);

    private static readonly Setting<int?> Warmup =
        Setting.OptionalInteger("warmup", "Those before them that are not measured.", 0);

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        Size, Batch, Length, Accumulation, TrainEmbeddings, GradientCheckpointing, Dropout, NewTokens, Texts, Temperature, TopK, TopP,
        Steps, Warmup,
    ];

    /// <summary>Options of decoding that have no effect.</summary>
    public static IEnumerable<Setting> WithoutEffect(SettingValues values, BenchCase bench) =>
        new Setting[] { Texts, Temperature, TopK, TopP }.Where(setting =>
            values.IsGiven(setting) && (bench.NewTokens == 0 || (setting != Texts && setting != Temperature && !bench.Choice.DoSample)));

    /// <summary>Options that have no meaning where all weights are trained.</summary>
    public static IReadOnlyList<Setting> OfLora { get; } = [TrainEmbeddings, Dropout, LoraSettings.R];

    /// <summary>A case with the given values applied.</summary>
    public static BenchCase Apply(SettingValues values, BenchCase named) => named with
    {
        Size = values.Get(Size) ?? named.Size,
        Batch = values.Get(Batch) ?? named.Batch,
        Length = values.Get(Length) ?? named.Length,
        Accumulation = values.Get(Accumulation) ?? named.Accumulation,
        TrainEmbeddings = values.Get(TrainEmbeddings) ?? named.TrainEmbeddings,
        GradientCheckpointing = values.IsGiven(GradientCheckpointing)
            ? SftSettings.Read(values).GradientCheckpointing
            : named.GradientCheckpointing,
        LoraDropout = values.Get(Dropout) ?? named.LoraDropout,
        NewTokens = values.Get(NewTokens) ?? named.NewTokens,
        Texts = values.Get(Texts) ?? named.Texts,
        Choice = values.Get(Temperature) is > 0 and double temperature
            ? new GenerationOptions
            {
                DoSample = true,
                Temperature = (float)temperature,
                TopK = values.Get(TopK) ?? 0,
                TopP = (float)(values.Get(TopP) ?? 1),
            }
            : named.Choice,
        Steps = values.Get(Steps) ?? named.Steps,
        Warmup = values.Get(Warmup) ?? named.Warmup,
    };

    private static Setting<int?> Integer(string name, string help, string property)
    {
        var range = RecordLimits.Of<SftConfig>(property);
        return Setting.OptionalInteger(name, help, (int)range.Minimum, (int)range.Maximum);
    }

    private static Setting<double?> Number(string name, string help, string property)
    {
        var range = RecordLimits.Of<LoraConfig>(property);
        return Setting.OptionalNumber(name, help, (double)range.Minimum, LoraSettings.MaximumOf(range));
    }
}
