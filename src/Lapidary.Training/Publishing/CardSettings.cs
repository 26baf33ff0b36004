using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Gemma.Cards;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Publishing;

/// <summary>The settings in a card: the ones people look for, and all others that differ from the defaults.</summary>
internal static class CardSettings
{
    private static readonly SftConfig Defaults = new();

    /// <summary>Settings that the card always describes in other words, and settings that say nothing about the weights.</summary>
    private static readonly HashSet<string> Others =
    [
        nameof(SftConfig.LearningRate), nameof(SftConfig.LrSchedulerType), nameof(SftConfig.WarmupSteps), nameof(SftConfig.WarmupRatio),
        nameof(SftConfig.MaxSteps), nameof(SftConfig.NumTrainEpochs), nameof(SftConfig.GlobalBatchSize),
        nameof(SftConfig.PerDeviceTrainBatchSize), nameof(SftConfig.GradientAccumulationSteps), nameof(SftConfig.MaxLength),
        nameof(SftConfig.Packing), nameof(SftConfig.PackingStrategy), nameof(SftConfig.MaxGradNorm), nameof(SftConfig.WeightDecay),
        nameof(SftConfig.Seed), nameof(SftConfig.OutputDir), nameof(SftConfig.OverwriteOutputDir), nameof(SftConfig.ReportTo),
        nameof(SftConfig.LoggingSteps), nameof(SftConfig.SaveStrategy), nameof(SftConfig.SaveSteps), nameof(SftConfig.SaveTotalLimit),
        nameof(SftConfig.EvalStrategy), nameof(SftConfig.EvalSteps), nameof(SftConfig.PerDeviceEvalBatchSize),
    ];

    /// <summary>Keys and values, in Markdown.</summary>
    public static IEnumerable<(string Key, string Value)> Of(LoraConfig? lora, SftConfig config)
    {
        foreach (var pair in lora is null ? [(MethodFiles.Key, RunSettings.Format(TrainingMethod.Full)!)] : Of(lora)) yield return pair;
        yield return ("learning_rate", Number(config.LearningRate));
        yield return ("lr_scheduler_type", Name(config.LrSchedulerType));
        if (config.LrSchedulerType != LrSchedulerType.Constant)
        {
            yield return config.WarmupSteps > 0
                ? ("warmup_steps", Number(config.WarmupSteps)) : ("warmup_ratio", Number(config.WarmupRatio));
        }

        if (config.MaxSteps > 0) yield return ("max_steps", Number(config.MaxSteps));
        else yield return ("num_train_epochs", Number(config.NumTrainEpochs));
        if (config.GlobalBatchSize is { } global)
        {
            yield return ("global_batch_size", Number(global));
        }
        else
        {
            yield return ("per_device_train_batch_size", Number(config.PerDeviceTrainBatchSize));
            yield return ("gradient_accumulation_steps", Number(config.GradientAccumulationSteps));
        }

        yield return ("max_length", Number(config.MaxLength));
        yield return ("packing", config.Packing ? $"yes ({Name(config.PackingStrategy)})" : "no");
        yield return ("max_grad_norm", Number(config.MaxGradNorm));
        yield return ("weight_decay", Number(config.WeightDecay));
        yield return ("seed", Number(config.Seed));
        foreach (var (key, value) in Differing(config)) yield return (key, CardText.Cell(value));
    }

    private static string Number(double value) => value.ToString("0.##########", CultureInfo.InvariantCulture);

    private static IEnumerable<(string Key, string Value)> Of(LoraConfig lora)
    {
        yield return ("lora_r", Number(lora.R));
        yield return ("lora_alpha", Number(lora.LoraAlpha));
        yield return ("lora_dropout", Number(lora.LoraDropout));
        yield return ("target_modules", lora.EffectiveTargets.Pattern is { } pattern
            ? CardText.Cell(pattern)
            : string.Join(", ", lora.EffectiveTargets.Names));
        if (lora.ModulesToSave is { Count: > 0 } saved) yield return ("modules_to_save", string.Join(", ", saved));
        if (lora.UseRslora) yield return ("use_rslora", "true");
    }

    /// <summary>Options other than those that differ from the defaults.</summary>
    private static IEnumerable<(string Key, string Value)> Differing(SftConfig config)
    {
        foreach (var property in typeof(SftConfig).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
        {
            if (Others.Contains(property.Name) || Equals(property.GetValue(config), property.GetValue(Defaults))) continue;
            if (RunSettings.Format(property.GetValue(config)) is { } text)
                yield return (JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), text);
        }
    }

    private static string Name(Enum value) => RunSettings.Format(value)!;
}
