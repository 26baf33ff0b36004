using System.Globalization;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Options;

/// <summary>Which model, how it is held and where it runs; common to all commands that use one.</summary>
/// <param name="quantization">The command's default.</param>
internal sealed class ModelSettings(QuantizationKind quantization)
{
    private const string Auto = "auto", Cpu = "cpu";

    public Setting<string?> Model { get; } =
        Settings.Text("model", "DIR_OR_ID", "Folder of a Gemma 3 model in Hugging Face format, or the id of one in the Hugging Face cache.");

    public Setting<string?> Tokenizer { get; } =
        Settings.Text("tokenizer", "DIR_OR_ID", "Folder of the tokenizer and chat template; the model's own where not given.");

    public Setting<string?> Adapter { get; } = Settings.Text("adapter", "DIR", "Folder of a PEFT LoRA adapter.");

    public Setting<QuantizationKind> Quantization { get; } = new(
        "quantization", "nf4|none", "How the base's projections are held: nf4 (QLoRA's 4 bits) or none (as stored).", quantization,
        text => (QuantizationKind)SettingText.Enumeration(typeof(QuantizationKind), text));

    public Setting<bool> DoubleQuant { get; } = Settings.Flag("double-quant", "Quantize NF4's scales too.", new ModelOptions().DoubleQuant);

    public Setting<DType?> DType { get; } = new(
        "dtype", "auto|float32|bfloat16", "The model's type; auto is the checkpoint's own. The CPU computes in float32 either way.", null, ParseDType,
        dtype => dtype is { } type ? SettingText.Format(type).Replace("_", "", StringComparison.Ordinal) : Auto);

    public Setting<string> Device { get; } = new("device", "auto|cpu|cuda|cuda:N", "Where the work is done.", Auto, ParseDevice);

    public Setting<int> Threads { get; } = Settings.Integer("threads", "Threads of the CPU; 0 for one per core.", 0, 0, 1024);

    /// <summary>In the order of the help text.</summary>
    public IReadOnlyList<Setting> All => [Model, Tokenizer, Adapter, Quantization, DoubleQuant, DType, Device, Threads];

    /// <summary>How to load the model.</summary>
    public ModelOptions Options(SettingValues values) =>
        new() { Quantization = values.Get(Quantization), DoubleQuant = values.Get(DoubleQuant), DType = values.Get(DType) };

    /// <summary>The backend asked for.</summary>
    /// <exception cref="LapidaryException">There is no such device.</exception>
    public IBackend CreateBackend(SettingValues values) =>
        CudaOrdinal(values) is { } ordinal ? new CudaBackend(ordinal) : new CpuBackend(values.Get(Threads));

    /// <summary>A backend like the one asked for that only counts; the device need not be here.</summary>
    public IBackend CreateCounter(SettingValues values) =>
        CudaOrdinal(values) is { } ordinal ? CudaBackend.CreateCounter(Gpu(ordinal)) : CpuBackend.CreateCounter(values.Get(Threads));

    /// <summary>Bytes that are free on the device asked for; null where it is not here.</summary>
    public long? FreeBytes(SettingValues values) => CudaOrdinal(values) is { } ordinal ? Gpu(ordinal)?.FreeBytes() : HostMemory.AvailableBytes;

    /// <summary>Refuses a device that is not here or cannot be used.</summary>
    /// <exception cref="LapidaryException">The message says why.</exception>
    public void RequireDevice(SettingValues values)
    {
        if (CudaOrdinal(values) is { } ordinal && CudaBackend.WhyUnavailable(ordinal) is { } reason) throw new LapidaryException(reason);
    }

    /// <summary>The GPU asked for, null for the CPU.</summary>
    private int? CudaOrdinal(SettingValues values)
    {
        string device = values.Get(Device);
        if (device == Auto) return CudaBackend.FirstAvailable();
        if (device == Cpu) return null;
        return device.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? int.Parse(device[(colon + 1)..], CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>Why the device is what it is.</summary>
    public string DeviceReason(SettingValues values)
    {
        if (values.Get(Device) != Auto) return $"--device {values.Get(Device)}";
        return CudaBackend.FirstAvailable() is { } ordinal ? $"--device auto: cuda:{ordinal}" : $"--device auto: {CudaBackend.WhyUnavailable()}";
    }

    private static CudaDevice? Gpu(int ordinal) => CudaDevice.All().FirstOrDefault(device => device.Ordinal == ordinal);

    private static DType? ParseDType(string text) => text switch
    {
        Auto => null,
        "float32" => Engine.DType.Float32,
        "bfloat16" => Engine.DType.BFloat16,
        _ => throw SettingText.Expected("auto, float32 or bfloat16", text),
    };

    private static string ParseDevice(string text) =>
        text is Auto or Cpu or "cuda" || (text.StartsWith("cuda:", StringComparison.Ordinal) && text.Length > 5 && text[5..].All(char.IsAsciiDigit))
            ? text
            : throw SettingText.Expected("auto, cpu, cuda or cuda:N", text);
}
