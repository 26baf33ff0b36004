using System.Globalization;
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
        "LoRA's matrices, or all weights. All weights take 16 bytes of memory each, and a learning rate of "
        + SftConfig.Full.LearningRate.ToString("0.######", CultureInfo.InvariantCulture) + " unless given.",
        TrainingMethod.Lora, text => (TrainingMethod)SettingText.Enumeration(typeof(TrainingMethod), text));

    /// <summary>Whether all weights are trained.</summary>
    public static bool IsFull(SettingValues values) => values.Get(Method) == TrainingMethod.Full;

    /// <summary>Options that have no meaning with all weights.</summary>
    public static bool IsOfLora(Setting setting, ModelSettings model) =>
        LoraSettings.All.Contains(setting) || setting == model.Adapter || setting == model.DoubleQuant;

    /// <summary>Refuses options that contradict the method, and sets the method's defaults. A method that is typed goes before that of
    /// a file, whose keys of the other method are then left out by name.</summary>
    /// <param name="run">The command.</param>
    /// <param name="model">Settings of the model.</param>
    /// <param name="isNew">Whether a run begins with these settings, instead of going on.</param>
    /// <param name="trains">Whether the learning rate matters.</param>
    /// <exception cref="UsageException">An option contradicts the method.</exception>
    /// <exception cref="ToolException">A key of the file does.</exception>
    public static void Apply(CommandRun run, ModelSettings model, bool isNew = true, bool trains = true)
    {
        var values = run.Values;
        var other = OtherMethodFile.Of(values, Method);
        if (IsFull(values)) RefuseLora(run, model, other);
        if (isNew) other?.Check(run, model, trains);
        if (!IsFull(values)) return;
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

    private static void RefuseLora(CommandRun run, ModelSettings model, OtherMethodFile? other)
    {
        var values = run.Values;
        if (IsRefused(model.Quantization) && values.Get(model.Quantization) != QuantizationKind.None)
        {
            throw Wrong(model.Quantization, "trains the base's own weights", "or use --method lora for QLoRA",
                " " + model.Quantization.FormatValue(values.Get(model.Quantization)));
        }

        if (IsRefused(model.Adapter))
        {
            const string Merge = "merge the adapter first (lapidary merge) and give the result as --model, or use --method lora.";
            throw values.IsTyped(model.Adapter)
                ? run.Wrong($"{Full} starts from a whole model: expected no --{model.Adapter.Name}; {Merge}")
                : new ToolException($"{values.File!.PlaceOf(model.Adapter)}: {Full} starts from a whole model; {Merge}");
        }

        if (values.All.FirstOrDefault(setting => IsRefused(setting) && IsOfLora(setting, model)) is { } lora)
            throw Wrong(lora, "has no LoRA matrices", "or use --method lora", "");

        // What a run has stored is what happened, not a wish.
        bool IsRefused(Setting setting) => values.IsTyped(setting) || (other is null && values.IsChosen(setting));

        Exception Wrong(Setting setting, string why, string instead, string value) => values.IsTyped(setting)
            ? run.Wrong($"{Full} {why}: expected no --{setting.Name}{value}; leave it out, {instead}.")
            : new ToolException($"{values.File!.PlaceOf(setting)}: method full {why}; leave the key out, {instead}.");
    }
}
