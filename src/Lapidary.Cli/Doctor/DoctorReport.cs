using System.Runtime.InteropServices;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training;

namespace Lapidary.Cli.Doctor;

/// <summary>The findings of doctor.</summary>
/// <param name="Gpus">All GPUs.</param>
/// <param name="Libraries">The libraries that a GPU needs, as far as they are installed.</param>
/// <param name="Chosen">The GPU that --device auto selects; null for the CPU.</param>
/// <param name="Problem">One line that says why no GPU can be used.</param>
/// <param name="Estimates">The training memory on the device that --device auto selects.</param>
internal sealed record DoctorReport(
    IReadOnlyList<GpuReport> Gpus, IReadOnlyList<FoundLibrary> Libraries, int? Chosen, string? Problem,
    IReadOnlyList<MemoryEstimate> Estimates)
{
    /// <summary>Shared memory that is enough for NCCL between the GPUs of a machine.</summary>
    private const long EnoughSharedBytes = 512L << 20;

    private const string MoreSharedMemory =
        ", may be too little for several GPUs: give the container more (docker: --shm-size=1g; Kubernetes: an emptyDir of medium Memory)";

    /// <summary>If the first GPU could be used.</summary>
    private const string NotTaken = "the GPU is slow. Set device to cuda to try it.";

    /// <summary>doctor has no options, but its texts refer to commands with --device.</summary>
    private static readonly OptionNames Options = new(["device"]);

    /// <summary>Examines this machine.</summary>
    public static DoctorReport OfThisMachine()
    {
        int? chosen = CudaBackend.FirstAvailable();
        var devices = CudaDevice.All();
        IBackend CreateCounter() =>
            chosen is { } ordinal ? CudaBackend.CreateCounter(devices[ordinal]) : CpuBackend.CreateCounter(threads: 0);
        var estimates = MemoryEstimate.All(CreateCounter);
        var gpus = devices.Select(GpuReport.Of).ToArray();
        long free = chosen is { } own ? gpus[own].FreeBytes ?? 0 : HostMemory.AvailableBytes;
        string? problem = chosen is null && (CudaBackend.WhyUnavailable() ?? NotTaken) is { } reason ? Options.InPlaceOfKeys(reason) : null;
        return new DoctorReport(
            gpus, CudaLibraries.Find(), chosen, problem, estimates)
        {
            Platform = Platform.OfThisMachine(),
            HasNvidiaCard = devices.Count > 0 ? true : Machine.HasNvidiaCard,
            LoraReach = TrainingReach.Of(estimates, isGuide: false, free, CreateCounter),
            GuideReach = TrainingReach.Of(estimates, isGuide: true, free, CreateCounter),
            Link = GpuLinks.Slowest(devices),
            AllGpus = DeviceSettings.UsableGpus() is { Count: > 1 } usable ? DeviceSettings.NameOf(usable) : null,
            Mpi = MpiLibraries.Find(),
        };
    }

    /// <summary>The system.</summary>
    public Platform Platform { get; init; } = new(SystemKind.Linux);

    /// <summary>Whether an NVIDIA card is present; null if unknown.</summary>
    public bool? HasNvidiaCard { get; init; }

    /// <summary>The largest size that can be trained with LoRA alone, or null.</summary>
    public TrainingReach? LoraReach { get; init; }

    /// <summary>The largest size that can be trained by the guide's recipe, or null.</summary>
    public TrainingReach? GuideReach { get; init; }

    /// <summary>The connection between the GPUs; null unless there are several.</summary>
    public string? Link { get; init; }

    /// <summary>The value of --device for a run on all usable GPUs; null unless there are several.</summary>
    public string? AllGpus { get; init; }

    /// <summary>Libraries for several ranks on CPUs.</summary>
    public IReadOnlyList<FoundMpi> Mpi { get; init; } = [];

    /// <summary>What to install for a GPU; empty without a GPU.</summary>
    private IReadOnlyList<string> Install => HasNvidiaCard == false ? [] : InstallAdvice.For(
        Platform, [.. Enum.GetValues<CudaLibrary>().Where(library => Find(library) is null)], needsNccl: Gpus.Count > 1);

    private long FreeBytes => Chosen is { } ordinal ? Gpus[ordinal].FreeBytes ?? 0 : HostMemory.AvailableBytes;

    public void WriteText(TextWriter output)
    {
        output.WriteLine($"system     {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, "
            + RuntimeInformation.FrameworkDescription);
        output.WriteLine($"CPU        {Machine.CpuName}, {Environment.ProcessorCount} threads, {CpuBackend.Simd} "
            + $"({string.Join(", ", Machine.Features)})");
        output.WriteLine($"memory     {ByteSize.Format(HostMemory.TotalBytes)}, {ByteSize.Format(HostMemory.AvailableBytes)} free");
        string temporary = Path.GetTempPath();
        string variable = OperatingSystem.IsWindows() ? "TMP" : "TMPDIR";
        string writable = Machine.IsWritable(temporary) ? "writable" : $"not writable; set {variable} to a folder that is";
        output.WriteLine($"temporary  {temporary} ({writable})");
        foreach (var gpu in Gpus)
        {
            string free = gpu.FreeBytes is { } bytes ? $"{ByteSize.Format(bytes)} free" : "free memory unknown";
            output.WriteLine($"cuda:{gpu.Ordinal,-5} {gpu.Name}, {ByteSize.Format(gpu.MemoryBytes)}, {free}, "
                + $"compute capability {gpu.ComputeCapability}"
                + (gpu.ComputesIn == DType.Float16 ? ": float16 with the residual stream in float32, as it has no bfloat16" : ""));
            if (gpu.WhyUnsupported is { } reason)
                output.WriteLine($"           not used: {reason} Use another device, or use --device cpu.");
            if (gpu.WhySlow is { } slow) output.WriteLine($"           {slow} {DeviceSettings.Compare}");
        }

        foreach (var library in Enum.GetValues<CudaLibrary>().Where(library => Find(library) is not null))
            output.WriteLine($"{library,-10} {Describe(library)}");
        string[] missing = [.. Enum.GetValues<CudaLibrary>().Where(library => Find(library) is null).Select(library => $"{library}")];
        if (missing.Length > 0) output.WriteLine($"not found  {string.Join(", ", missing)} (only a GPU needs them)");
        foreach (var mpi in Mpi) output.WriteLine($"MPI        {mpi.Version} ({mpi.Name}), for several ranks on CPUs");
        if (Gpus.Count > 1 && Machine.SharedMemoryBytes is { } shared)
            output.WriteLine($"/dev/shm   {ByteSize.Format(shared)}{(shared < EnoughSharedBytes ? MoreSharedMemory : "")}");
        output.WriteLine(Chosen is { } ordinal
            ? $"GPU        ready: --device auto takes cuda:{ordinal}"
            : $"GPU        none, --device auto takes the CPU: {WhyNone}");
        if (Link is not null)
        {
            string use = (AllGpus, Find(CudaLibrary.Nccl)) switch
            {
                (null, _) => "",
                (_, null) => $"; --device {AllGpus} could use all of them, and needs NCCL",
                _ => $"; --device {AllGpus} uses all of them",
            };
            output.WriteLine($"GPUs       {Gpus.Count}, linked by {Link}{use}");
        }

        var install = Install;
        if (install.Count > 0)
        {
            output.WriteLine();
            string gpu = Gpus.Count > 0 ? "the GPU" : $"an NVIDIA GPU (compute capability {ComputeCapability.Minimum} or newer)";
            output.WriteLine($"To use {gpu}, install:");
            foreach (string line in install) output.WriteLine($"  {line}");
        }

        output.WriteLine();
        output.WriteLine($"QLoRA training on the {(Chosen is null ? "CPU" : "GPU")}, 512 tokens at a time, at the least; the guide also "
            + "trains embed_tokens and lm_head:");
        output.WriteLine("  size  LoRA alone      the guide");
        foreach (var size in Estimates) output.WriteLine($"  {size.Size,-5} {Verdict(size.LoraBytes),-15} {Verdict(size.GuideBytes)}");
        output.WriteLine();
        output.WriteLine(Verdict());
    }

    /// <summary>One sentence about the models that the machine can train.</summary>
    private string Verdict()
    {
        static string Name(TrainingReach reach) =>
            $"Gemma 3 {reach.Size} (up to {Amount.Of(reach.BatchSize, "row")} of 512 tokens at a time)";

        return (LoraReach, GuideReach) switch
        {
            (null, _) => "This machine has too little free memory to train any size of Gemma 3; close other programs.",
            ({ } lora, null) => $"This machine can train {Name(lora)} with LoRA alone, and no size by the guide's recipe.",
            ({ } lora, { } guide) => $"This machine can train {Name(lora)} with LoRA alone, and {Name(guide)} by the guide's recipe.",
        };
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("os", RuntimeInformation.OSDescription);
        json.WriteString("architecture", RuntimeInformation.OSArchitecture.ToString());
        json.WriteString("dotnet", RuntimeInformation.FrameworkDescription);
        json.WriteString("cpu", Machine.CpuName);
        json.WriteNumber("threads", Environment.ProcessorCount);
        json.WriteStartArray("features");
        foreach (string feature in Machine.Features) json.WriteStringValue(feature);
        json.WriteEndArray();
        json.WriteNumber("memory_bytes", HostMemory.TotalBytes);
        json.WriteNumber("available_bytes", HostMemory.AvailableBytes);
        json.WriteBoolean("temporary_folder_writable", Machine.IsWritable(Path.GetTempPath()));
        WriteGpus(json);
        json.WriteStartArray("install");
        foreach (string line in Install) json.WriteStringValue(line);
        json.WriteEndArray();
        json.WriteStartObject("can_train");
        WriteReach(json, "lora", LoraReach);
        WriteReach(json, "guide", GuideReach);
        json.WriteEndObject();
        json.WriteStartArray("training_estimates");
        foreach (var size in Estimates)
        {
            json.WriteStartObject();
            json.WriteString("size", size.Size);
            json.WriteNumber("lora_bytes", size.LoraBytes);
            json.WriteNumber("guide_bytes", size.GuideBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteGpus(Utf8JsonWriter json)
    {
        json.WriteStartArray("gpus");
        foreach (var gpu in Gpus)
        {
            json.WriteStartObject();
            json.WriteString("name", gpu.Name);
            json.WriteNumber("memory_bytes", gpu.MemoryBytes);
            if (gpu.FreeBytes is { } free) json.WriteNumber("free_bytes", free);
            else json.WriteNull("free_bytes");
            json.WriteString("compute_capability", gpu.ComputeCapability.ToString());
            json.WriteString("computes_in", gpu.ComputesIn?.ToString().ToLowerInvariant());
            json.WriteString("unsupported_because", gpu.WhyUnsupported);
            json.WriteString("slow_because", gpu.WhySlow);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("cuda_libraries");
        foreach (var library in Enum.GetValues<CudaLibrary>())
        {
            if (Find(library) is not { } found)
            {
                json.WriteNull(library.ToString());
                continue;
            }

            json.WriteStartObject(library.ToString());
            json.WriteString("path", found.Path);
            json.WriteString("version", found.Version.ToString());
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("gpu_link", Link);
        json.WriteString("gpu_unavailable_because", Problem);
        json.WriteStartArray("mpi_libraries");
        foreach (var mpi in Mpi)
        {
            json.WriteStartObject();
            json.WriteString("name", mpi.Name);
            json.WriteString("version", mpi.Version);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private FoundLibrary? Find(CudaLibrary library) => Libraries.FirstOrDefault(found => found.Library == library);

    /// <summary>A short form of the reason, if the surrounding lines say the rest.</summary>
    private string? WhyNone => Platform.Kind == SystemKind.MacOs ? "no NVIDIA GPU works with macOS"
        : HasNvidiaCard == false ? "there is no NVIDIA card"
        : Find(CudaLibrary.Driver) is null ? "there is no NVIDIA driver"
        : Problem;

    private static void WriteReach(Utf8JsonWriter json, string name, TrainingReach? reach)
    {
        if (reach is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("size", reach.Size);
        json.WriteNumber("batch_size", reach.BatchSize);
        json.WriteEndObject();
    }

    private string Describe(CudaLibrary library) => Find(library) is not { } found ? "not found"
        : $"{found.Path}, {(library == CudaLibrary.Driver ? "for CUDA " : "")}{found.Version}";

    private string Verdict(long bytes) =>
        $"{ByteSize.Format(bytes),9} {(bytes <= MemoryPlanner.UsableBytes(FreeBytes) ? "fits" : "no")}";
}
