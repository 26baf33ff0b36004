using Lapidary.Cli.CommandLine;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Settings;

/// <summary>Which model and how it is held; common to all commands that use one.</summary>
/// <param name="quantization">The command's default.</param>
/// <param name="dtypeHelp">What --dtype is the type of.</param>
/// <param name="hasAdapter">Whether the command takes an adapter.</param>
internal sealed class ModelSettings(
    QuantizationKind quantization,
    string dtypeHelp = "The model's type; auto is the checkpoint's own. The CPU computes in float32 either way.",
    bool hasAdapter = true)
{
    private const string Auto = "auto";

    /// <summary>Whether the command takes an adapter.</summary>
    public bool HasAdapter => hasAdapter;

    public Setting<string?> Model { get; } = Setting.Text(
        "model", "DIR_OR_ID",
        "Gemma 3 model: a folder, or an id of the Hub such as google/gemma-3-1b-pt. The id may end with @REVISION (a branch, tag or "
        + "commit)." + (hasAdapter ? " Without the option: the adapter's base." : ""));

    public Setting<string?> Tokenizer { get; } =
        Setting.Text(
            "tokenizer", "DIR_OR_ID",
            "Folder or id of the tokenizer and chat template. Without the option: the adapter's, else the model's.");

    public Setting<string?> Adapter { get; } = Setting.Text("adapter", "DIR_OR_ID", "PEFT LoRA adapter: a folder or an id.");

    public Setting<QuantizationKind> Quantization { get; } = new(
        "quantization", "nf4|none", "How the base's projections are kept in memory: nf4 (QLoRA's 4 bits) or none (as stored).",
        quantization, text => (QuantizationKind)SettingText.Enumeration(typeof(QuantizationKind), text));

    public Setting<bool> DoubleQuant { get; } = Setting.Flag("double-quant", "Quantize NF4's scales too.", new ModelOptions().DoubleQuant);

    public Setting<DType?> DType { get; } = new(
        "dtype", "auto|float32|bfloat16", dtypeHelp, null, ParseDType,
        dtype => dtype is { } type ? SettingText.Format(type).Replace("_", "", StringComparison.Ordinal) : Auto);

    /// <summary>With the device's, in the order of the help text.</summary>
    public IReadOnlyList<Setting> All =>
        [Model, Tokenizer, Adapter, Quantization, DoubleQuant, DType, DeviceSettings.Device, DeviceSettings.Threads];

    /// <summary>--size: a published size, for commands that need no model's files.</summary>
    /// <param name="help">What the command needs it for.</param>
    public static Setting<string?> Size(string help) => new("size", string.Join('|', GemmaConfig.PresetNames), help, null, ParseSize);

    /// <summary>How to load the model.</summary>
    public ModelOptions Options(SettingValues values) =>
        new() { Quantization = values.Get(Quantization), DoubleQuant = values.Get(DoubleQuant), DType = values.Get(DType) };

    private static string ParseSize(string text) =>
        GemmaConfig.PresetNames.Contains(text) ? text : throw SettingText.Expected(string.Join(", ", GemmaConfig.PresetNames), text);

    private static DType? ParseDType(string text) => text switch
    {
        Auto => null,
        "float32" => Engine.DType.Float32,
        "bfloat16" => Engine.DType.BFloat16,
        _ => throw SettingText.Expected("auto, float32 or bfloat16", text),
    };
}
