using Lapidary.Cli.CommandLine;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Settings;

/// <summary>Which model and how it is held; common to all commands that use one.</summary>
/// <param name="quantization">The command's default.</param>
/// <param name="dtypeHelp">What --dtype is the type of, if it is one of files alone; null for a model that computes.</param>
/// <param name="hasAdapter">Whether the command takes an adapter.</param>
internal sealed class ModelSettings(
    QuantizationKind quantization,
    string? dtypeHelp = null,
    bool hasAdapter = true)
{
    private const string Float32 = "float32", BFloat16 = "bfloat16", Float16 = "float16";

    private const string Auto = "auto", StoredTypes = "auto|float32|bfloat16", ComputingHelp =
        "The model's type; auto is the checkpoint's own. A GPU computes in bfloat16, and in float16 if that is given or the card is older "
        + "than Ampere. The CPU always computes in float32; there the type only rounds what the model stores, and the square root of "
        + "hidden that its embeddings are multiplied by.";

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
        "dtype", dtypeHelp is null ? $"{StoredTypes}|float16" : StoredTypes, dtypeHelp ?? ComputingHelp, null,
        text => ParseDType(text, computes: dtypeHelp is null),
        dtype => dtype is { } type ? SettingText.Format(type).Replace("_", "", StringComparison.Ordinal) : Auto);

    /// <summary>With the device's, in the order of the help text.</summary>
    public IReadOnlyList<Setting> All =>
        [Model, Tokenizer, Adapter, Quantization, DoubleQuant, DType, DeviceSettings.Device, DeviceSettings.Threads];

    /// <summary>--size: a published size, for commands that need no model's files.</summary>
    /// <param name="help">What the command needs it for.</param>
    public static Setting<string?> Size(string help) => new("size", string.Join('|', GemmaConfig.PresetNames), help, null, ParseSize);

    /// <summary>How to load the model. To compute in float16 leaves it as it is stored.</summary>
    public ModelOptions Options(SettingValues values) => new()
    {
        Quantization = values.Get(Quantization),
        DoubleQuant = values.Get(DoubleQuant),
        DType = values.Get(DType) is { } dtype and not Engine.DType.Float16 ? dtype : null,
    };

    /// <summary>How a GPU computes: as it does by itself, unless a type of 16 bits is given.</summary>
    public CudaOptions Computing(SettingValues values) =>
        new() { ActivationDType = values.Get(DType) is { } dtype and not Engine.DType.Float32 ? dtype : null };

    /// <summary>What the CPU does with a given type that it does not compute in; null if there is nothing to say.</summary>
    public string? NoteOnCpu(SettingValues values) => values.IsChosen(DType) ? values.Get(DType) switch
    {
        Engine.DType.BFloat16 =>
            "the CPU computes in float32; --dtype bfloat16 only rounds the base's weights and the factor of embeddings.",
        Engine.DType.Float16 => "the CPU computes in float32; --dtype float16 changes nothing.",
        _ => null,
    } : null;

    private static string ParseSize(string text) =>
        GemmaConfig.PresetNames.Contains(text) ? text : throw SettingText.Expected(string.Join(", ", GemmaConfig.PresetNames), text);

    private static DType? ParseDType(string text, bool computes) => text.ToLowerInvariant() switch
    {
        Auto => null,
        Float32 => Engine.DType.Float32,
        BFloat16 => Engine.DType.BFloat16,
        Float16 when computes => Engine.DType.Float16,
        var word => throw new FormatException(
            SettingText.Expected($"auto, float32{(computes ? ", bfloat16 or float16" : " or bfloat16")}", text).Message
            + (Meant(GuideName.Plain(word)) is { } meant && (computes || meant != Float16) ? $"; did you mean {meant}?" : "")),
    };

    /// <summary>The type of a name that other tools use.</summary>
    private static string? Meant(string word) => word switch
    {
        "fp16" or "f16" or "half" or Float16 => Float16,
        "bf16" or BFloat16 => BFloat16,
        "fp32" or "f32" or "float" or "single" or Float32 => Float32,
        _ => null,
    };
}
