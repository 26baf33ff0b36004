using Lapidary.Cli.CommandLine;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Settings;

/// <summary>--method, and what the other options are beside it.</summary>
internal static class MethodSettings
{
    private const string Full = "--method full";

    public static readonly Setting<TrainingMethod> Method = new(
        "method", "lora|full",
        "What is trained: lora (LoRA's matrices over a frozen base; QLoRA over 4 bits) or full (all weights, 16 bytes of memory for each). "
        + $"With full, the base is not quantized, and the default of --learning-rate is {SettingText.Format(SftConfig.Full.LearningRate)}.",
        TrainingMethod.Lora, text => (TrainingMethod)SettingText.Enumeration(typeof(TrainingMethod), text));

    /// <summary>Whether all weights are trained.</summary>
    public static bool IsFull(SettingValues values) => values.Get(Method) == TrainingMethod.Full;

    /// <summary>Options that have no meaning with all weights.</summary>
    public static bool IsOfLora(Setting setting, ModelSettings model) =>
        LoraSettings.All.Contains(setting) || setting == model.Adapter || setting == model.DoubleQuant;

    /// <summary>Refuses options that contradict the method, and sets the method's defaults.</summary>
    /// <exception cref="UsageException">An option contradicts the method.</exception>
    public static void Apply(CommandRun run, ModelSettings model)
    {
        var values = run.Values;
        if (!IsFull(values)) return;
        if (values.IsChosen(model.Quantization) && values.Get(model.Quantization) != QuantizationKind.None)
        {
            throw run.Wrong($"{Full} trains the base's own weights: expected no --{model.Quantization.Name} "
                + $"{model.Quantization.FormatValue(values.Get(model.Quantization))}; leave it out, or use --method lora for QLoRA.");
        }

        if (values.IsChosen(model.Adapter))
        {
            throw run.Wrong($"{Full} starts from a whole model: expected no --{model.Adapter.Name}; merge the adapter first "
                + "(lapidary merge) and give the result as --model, or use --method lora.");
        }

        if (values.All.FirstOrDefault(setting => values.IsChosen(setting) && IsOfLora(setting, model)) is { } other)
            throw run.Wrong($"{Full} has no LoRA matrices: expected no --{other.Name}; leave it out, or use --method lora.");
        values.Supply(model.Quantization, QuantizationKind.None);
        values.Supply(model.Adapter, null);
        var rate = (Setting<object?>)SftSettings.Of(nameof(SftConfig.LearningRate));
        if (!values.IsGiven(rate)) values.Supply(rate, SftConfig.Full.LearningRate);
    }

    /// <summary>Refuses to train all weights of a checkpoint in 4 bits.</summary>
    /// <exception cref="ToolException">It is one.</exception>
    public static void RequirePlain(SettingValues values, string model, GemmaConfig sizes)
    {
        if (!IsFull(values) || sizes.Quantization is null) return;
        throw new ToolException(
            $"{model}: expected weights in bfloat16, float16 or float32, all of which {Full} trains, found 4 bits; give the unquantized "
            + "model, or use --method lora.");
    }
}
