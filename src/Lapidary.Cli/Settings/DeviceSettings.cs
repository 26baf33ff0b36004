using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Cli.Settings;

/// <summary>Where the work is done.</summary>
internal static class DeviceSettings
{
    private const string Auto = "auto", Cpu = "cpu", Cuda = "cuda", Numbered = "cuda:", All = "cuda:all";

    /// <summary>What to do about a device that is slow.</summary>
    public const string Compare = "Use --device cpu to compare.";

    public static readonly Setting<string> Device = new(
        "device", "auto|cpu|cuda|cuda:N|cuda:N,M|cuda:all",
        "Where the work is done. Several GPUs share the rows of train, score, generate, eval and bench.", Auto, Parse);

    public static readonly Setting<int> Threads = Setting.Integer(
        "threads", "Threads of the CPU; 0 for one per core, which ranks of one machine share.", 0, 0, 1024);

    /// <summary>Whether the device is left to the tool.</summary>
    public static bool IsAuto(SettingValues values) => values.Get(Device) == Auto;

    /// <summary>The GPUs asked for, in order; empty for the CPU.</summary>
    /// <exception cref="LapidaryException">All are asked for, and there is none.</exception>
    public static IReadOnlyList<int> Gpus(SettingValues values)
    {
        string device = values.Get(Device);
        return device switch
        {
            Auto => CudaBackend.FirstAvailable() is { } first ? [first] : [],
            Cpu => [],
            Cuda => [0],
            All => AllGpus(),
            _ => Ordinals(device)!,
        };
    }

    /// <summary>Whether the user names GPUs by their numbers.</summary>
    public static bool AreNumbered(SettingValues values) => Ordinals(values.Get(Device)) is not null;

    /// <summary>The backend asked for, of a command that works on one device.</summary>
    /// <param name="values">Options.</param>
    /// <param name="computing">How a GPU computes; null for its own choice.</param>
    /// <exception cref="LapidaryException">There is no such device, or several are asked for.</exception>
    public static IBackend CreateBackend(SettingValues values, CudaOptions? computing = null) => Gpus(values) switch
    {
        [] => new CpuBackend(values.Get(Threads)),
        [var ordinal] => new CudaBackend(ordinal, computing),
        _ => throw new LapidaryException(
            $"device: expected one GPU for this command, found {values.Get(Device)}; set device to cuda:0 or another one."),
    };

    /// <summary>The GPUs to plan for, which need not be here: all of none are one.</summary>
    public static IReadOnlyList<int> GpusToPlan(SettingValues values) =>
        values.Get(Device) == All && CudaDevice.Count() == 0 ? [0] : Gpus(values);

    /// <summary>A backend like the first of some GPUs, or the CPU, that only counts.</summary>
    public static IBackend CreateCounter(IReadOnlyList<int> gpus, SettingValues values, CudaOptions computing) =>
        gpus.Count > 0 ? CudaBackend.CreateCounter(Gpu(gpus[0]), computing) : CpuBackend.CreateCounter(values.Get(Threads));

    /// <summary>What to know about a backend's device before the work; null for nothing.</summary>
    public static string? NoteOn(IBackend backend) =>
        (backend as CudaBackend)?.Device.WhySlow() is { } slow ? $"{slow} {Compare}" : null;

    /// <summary>A device for a line to print, with what it computes in where users may not expect it.</summary>
    public static string Describe(IBackend backend) => backend.ActivationDType == DType.Float16
        ? $"{backend.Description}, computes in float16 with the residual stream in float32" : backend.Description;

    /// <summary>Bytes that are free on each of some GPUs, or for the CPU; null where one is not here.</summary>
    public static long? FreeBytes(IReadOnlyList<int> gpus)
    {
        if (gpus.Count == 0) return HostMemory.AvailableBytes;
        long least = long.MaxValue;
        foreach (int ordinal in gpus)
        {
            if (Gpu(ordinal) is not { } gpu) return null;
            least = Math.Min(least, gpu.FreeBytes());
        }

        return least;
    }

    /// <summary>The same to plan for, where the command line gives no memory.</summary>
    /// <exception cref="UsageException">The device is not here.</exception>
    public static long FreeBytesToPlan(IReadOnlyList<int> gpus, SettingValues values) => FreeBytes(gpus) ?? throw new UsageException(
        $"{Given(values)} is not on this machine; give the memory to plan for as --memory 24GiB.", values.Command);

    /// <summary>The GPUs of this machine that can be used, without those that are slow.</summary>
    public static IReadOnlyList<int> UsableGpus() => CudaBackend.FirstAvailable() is null
        ? []
        : [.. CudaDevice.All().Where(device => device.WhySlow() is null).Select(device => device.Ordinal)
            .Where(ordinal => CudaBackend.WhyUnavailable(ordinal) is null)];

    /// <summary>The option's value that means some GPUs of this machine.</summary>
    public static string NameOf(IReadOnlyList<int> gpus) =>
        gpus.Count == CudaDevice.Count() ? All : Numbered + string.Join(',', gpus);

    /// <summary>Refuses GPUs that are not here or cannot be used.</summary>
    /// <exception cref="LapidaryException">The message says why, and which file names them if the command line does not.</exception>
    public static void Require(IReadOnlyList<int> gpus, SettingValues values)
    {
        foreach (int ordinal in gpus)
        {
            if (CudaBackend.WhyUnavailable(ordinal) is { } reason)
                throw new LapidaryException(IsOfFile(values) ? $"{Given(values)}: {reason}" : reason);
        }
    }

    /// <summary>Said at the start of each run on a CPU, so no more than a line.</summary>
    private const string NoGpu = "no GPU is taken; 'lapidary doctor' says why";

    /// <summary>Why the device is what it is.</summary>
    public static string Reason(SettingValues values)
    {
        if (!IsAuto(values)) return $"--device {values.Get(Device)}";
        return $"--device auto: {(CudaBackend.FirstAvailable() is { } ordinal ? $"cuda:{ordinal}" : NoGpu)}";
    }

    private static bool IsOfFile(SettingValues values) => values.IsGiven(Device) && !values.IsTyped(Device) && values.File is not null;

    /// <summary>"--device cuda:3", or "run.yaml, line 4: device cuda:3".</summary>
    private static string Given(SettingValues values) =>
        $"{(IsOfFile(values) ? values.File!.PlaceOf(Device) : $"--{Device.Name}")} {values.Get(Device)}";

    private static CudaDevice? Gpu(int ordinal) => CudaDevice.All().FirstOrDefault(device => device.Ordinal == ordinal);

    private static IReadOnlyList<int> AllGpus() => CudaDevice.Count() is > 0 and var count
        ? [.. Enumerable.Range(0, count)]
        : throw new LapidaryException(CudaBackend.WhyUnavailable() ?? "No GPU was found.");

    /// <summary>The numbers of "cuda:1" or "cuda:0,2"; null where the text is nothing of the kind.</summary>
    private static int[]? Ordinals(string device)
    {
        if (!device.StartsWith(Numbered, StringComparison.Ordinal)) return null;
        string[] parts = device[Numbered.Length..].Split(',');
        var ordinals = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ordinals[i])) return null;
        }

        return ordinals;
    }

    private static string Parse(string text)
    {
        if (text is Auto or Cpu or Cuda or All) return text;
        if (Ordinals(text) is not { } ordinals)
            throw SettingText.Expected("auto, cpu, cuda, cuda:N, several as cuda:0,1 or cuda:all", text);
        return ordinals.Distinct().Count() == ordinals.Length ? text : throw SettingText.Expected("each GPU once", text);
    }
}
