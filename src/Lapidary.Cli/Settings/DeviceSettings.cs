using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Settings;

/// <summary>Where the work is done.</summary>
internal static class DeviceSettings
{
    private const string Auto = "auto", Cpu = "cpu", Cuda = "cuda", Numbered = "cuda:";

    public static readonly Setting<string> Device = new("device", "auto|cpu|cuda|cuda:N", "Where the work is done.", Auto, Parse);

    public static readonly Setting<int> Threads = Setting.Integer("threads", "Threads of the CPU; 0 for one per core.", 0, 0, 1024);

    /// <summary>The backend asked for.</summary>
    /// <exception cref="LapidaryException">There is no such device.</exception>
    public static IBackend CreateBackend(SettingValues values) =>
        CudaOrdinal(values) is { } ordinal ? new CudaBackend(ordinal) : new CpuBackend(values.Get(Threads));

    /// <summary>A backend like the one asked for that only counts; the device need not be here.</summary>
    public static IBackend CreateCounter(SettingValues values) =>
        CudaOrdinal(values) is { } ordinal ? CudaBackend.CreateCounter(Gpu(ordinal)) : CpuBackend.CreateCounter(values.Get(Threads));

    /// <summary>Bytes that are free on the device asked for; null where it is not here.</summary>
    public static long? FreeBytes(SettingValues values) =>
        CudaOrdinal(values) is { } ordinal ? Gpu(ordinal)?.FreeBytes() : HostMemory.AvailableBytes;

    /// <summary>Refuses a device that is not here or cannot be used.</summary>
    /// <exception cref="LapidaryException">The message says why.</exception>
    public static void Require(SettingValues values)
    {
        if (CudaOrdinal(values) is { } ordinal && CudaBackend.WhyUnavailable(ordinal) is { } reason) throw new LapidaryException(reason);
    }

    /// <summary>Why the device is what it is.</summary>
    public static string Reason(SettingValues values)
    {
        if (values.Get(Device) != Auto) return $"--device {values.Get(Device)}";
        return $"--device auto: {(CudaBackend.FirstAvailable() is { } ordinal ? $"cuda:{ordinal}" : CudaBackend.WhyUnavailable())}";
    }

    /// <summary>The GPU asked for, null for the CPU.</summary>
    private static int? CudaOrdinal(SettingValues values)
    {
        string device = values.Get(Device);
        if (device == Auto) return CudaBackend.FirstAvailable();
        if (device == Cpu) return null;
        return device == Cuda ? 0 : int.Parse(device.AsSpan(Numbered.Length), CultureInfo.InvariantCulture);
    }

    private static CudaDevice? Gpu(int ordinal) => CudaDevice.All().FirstOrDefault(device => device.Ordinal == ordinal);

    private static string Parse(string text)
    {
        bool isOrdinal = text.StartsWith(Numbered, StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(Numbered.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return text is Auto or Cpu or Cuda || isOrdinal ? text : throw SettingText.Expected("auto, cpu, cuda or cuda:N", text);
    }
}
