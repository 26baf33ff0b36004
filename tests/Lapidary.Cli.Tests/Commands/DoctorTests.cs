using System.Text.Json;
using Lapidary.Cli.Doctor;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Engine;

namespace Lapidary.Cli.Tests.Commands;

public class DoctorTests
{
    private static readonly DoctorReport TwoGpus = new(
        [
            new(0, "NVIDIA T4", 15L << 30, 14L << 30, new ComputeCapability(7, 5)),
            new(1, "NVIDIA L4", 22L << 30, null, new ComputeCapability(8, 9)),
        ],
        [new(CudaLibrary.Driver, "libcuda.so.1", new Version(12, 4)), new(CudaLibrary.Nvrtc, "/opt/libnvrtc.so.12", new Version(12, 4))],
        Chosen: null, Problem: "Something is missing.", Estimates: [])
    {
        Platform = new Platform(SystemKind.Debian),
    };

    [Fact]
    public void Text_ShowsEachGpuAndLibrary_AndWhatToInstall()
    {
        using var text = new StringWriter { NewLine = "\n" };
        TwoGpus.WriteText(text);
        string[] lines = text.ToString().Split('\n');
        Assert.Contains("cuda:0     NVIDIA T4, 15.0 GiB, 14.0 GiB free, compute capability 7.5: "
            + "float16 with the residual stream in float32, as it has no bfloat16", lines);
        Assert.Contains("cuda:1     NVIDIA L4, 22.0 GiB, free memory unknown, compute capability 8.9", lines);
        Assert.Contains("Driver     libcuda.so.1, for CUDA 12.4", lines);
        Assert.Contains("Nvrtc      /opt/libnvrtc.so.12, 12.4", lines);
        Assert.Contains("not found  CublasLt, Nccl (only a GPU needs them)", lines);
        Assert.Contains("To use the GPU, install:", lines);
        Assert.Contains(lines, line => line.StartsWith("  cuBLASLt: add NVIDIA's repository", StringComparison.Ordinal)
            && line.Contains("sudo apt install libcublas-", StringComparison.Ordinal));
        Assert.Contains("  NCCL, for several GPUs: sudo apt install libnccl2, from NVIDIA's repository", lines);
        Assert.Equal(Directory.Exists("/dev/shm"), lines.Any(line => line.StartsWith("/dev/shm   ", StringComparison.Ordinal)));
        Assert.Contains("GPU        none, --device auto takes the CPU: Something is missing.", lines);
    }

    [Theory]
    [InlineData("Tesla V100-SXM2-16GB", 7, 0, "compute capability 7.0", "CUDA 12")]
    [InlineData("Tesla P100-PCIE-16GB", 6, 0, "compute capability 6.0", "or use --device cpu")]
    public void Text_SaysWhyACardIsNotUsed(string name, int major, int minor, params string[] words)
    {
        using var text = new StringWriter { NewLine = "\n" };
        (TwoGpus with { Gpus = [new(0, name, 4L << 30, 4L << 30, new ComputeCapability(major, minor))] }).WriteText(text);
        string[] lines = text.ToString().Split('\n');
        string line = Assert.Single(lines, line => line.StartsWith("           not used: ", StringComparison.Ordinal));
        Assert.All(words, word => Assert.Contains(word, line, StringComparison.Ordinal));
    }

    [Fact]
    public void Text_SaysThatACardWithoutTensorCoresIsSlow()
    {
        using var text = new StringWriter { NewLine = "\n" };
        (TwoGpus with { Gpus = [new(0, "NVIDIA GeForce GTX 1650", 4L << 30, null, new ComputeCapability(7, 5))] }).WriteText(text);
        Assert.Contains("           NVIDIA GeForce GTX 1650 has no tensor cores: products take some 50 times as long as on an RTX 2060, "
            + "and a CPU may be faster. Use --device cpu to compare.\n", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("not used", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ARun_SaysTheSame()
    {
        var slow = CudaDevice.Like("NVIDIA GeForce GTX 1650", new ComputeCapability(7, 5), 14, 4L << 30);
        using var backend = CudaBackend.CreateCounter(slow);
        string? note = DeviceSettings.NoteOn(backend);
        Assert.Equal($"{slow.WhySlow()} Use --device cpu to compare.", note);
        using var other = CudaBackend.CreateCounter(device: null);
        Assert.Null(DeviceSettings.NoteOn(other));
    }

    [Fact]
    public void Text_NamesTheGpuThatAutoTakes()
    {
        using var text = new StringWriter { NewLine = "\n" };
        (TwoGpus with { Chosen = 1, Problem = null, Estimates = [new MemoryEstimate("1b", 1L << 30, 5L << 30)] }).WriteText(text);
        Assert.Contains("GPU        ready: --device auto takes cuda:1\n", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("training on the GPU", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cuda:all", true, "GPUs       2, linked by NVLink; --device cuda:all uses all of them\n")]
    [InlineData("cuda:all", false, "GPUs       2, linked by NVLink; --device cuda:all could use all of them, and needs NCCL\n")]
    [InlineData(null, true, "GPUs       2, linked by NVLink\n")]
    public void Text_SaysHowSeveralGpusAreLinked_AndUsed(string? all, bool hasNccl, string line)
    {
        FoundLibrary[] nccl = hasNccl ? [new(CudaLibrary.Nccl, "libnccl.so.2", new Version(2, 28, 3))] : [];
        var report = TwoGpus with
        {
            Libraries = [.. TwoGpus.Libraries, .. nccl],
            Link = "NVLink",
            AllGpus = all,
            Mpi = [new FoundMpi("libmpi.so.40", "Open MPI v4.1.4")],
        };
        using var text = new StringWriter { NewLine = "\n" };
        report.WriteText(text);
        Assert.Contains(line, text.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "MPI        Open MPI v4.1.4 (libmpi.so.40), for several ranks on CPUs\n", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_HasTheSame()
    {
        using var text = new StringWriter();
        JsonResult.Write(text, TwoGpus.WriteTo);
        using var document = JsonDocument.Parse(text.ToString());
        var gpus = document.RootElement.GetProperty("gpus");
        Assert.Equal(
            """{"name":"NVIDIA T4","memory_bytes":16106127360,"free_bytes":"""
            + """15032385536,"compute_capability":"7.5","computes_in":"float16","unsupported_because":null,"slow_because":null}""",
            gpus[0].GetRawText());
        Assert.Equal(
            """{"name":"NVIDIA L4","memory_bytes":23622320128,"free_bytes":"""
            + """null,"compute_capability":"8.9","computes_in":"bfloat16","unsupported_because":null,"slow_because":null}""",
            gpus[1].GetRawText());
        Assert.Equal(
            """{"Driver":{"path":"libcuda.so.1","version":"12.4"},"Nvrtc":"""
            + """{"path":"/opt/libnvrtc.so.12","version":"12.4"},"CublasLt":null,"Nccl":null}""",
            document.RootElement.GetProperty("cuda_libraries").GetRawText());
        Assert.Equal("Something is missing.", document.RootElement.GetProperty("gpu_unavailable_because").GetString());
    }

    [Fact]
    public void Doctor_ShowsEverySizeAndLibrary()
    {
        string text = CliRun.Of("doctor").Ok().Out;
        string[] words = ["270m", "1b", "4b", "12b", "27b", "Nvrtc", "CublasLt", "Nccl", "Driver", "CPU", ".NET"];
        Assert.All(words, word => Assert.Contains(word, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Doctor_EstimatesGrowWithTheSize()
    {
        var sizes = CliRun.Of("doctor", "--json").Ok().Json.GetProperty("training_estimates").EnumerateArray().ToArray();
        long[] bytes = [.. sizes.Select(size => size.GetProperty("lora_bytes").GetInt64())];
        Assert.Equal(bytes.Order(), bytes);
        Assert.InRange(bytes[1], 512L << 20, 2L << 30); // 1b: 0.35 GiB of NF4, LoRA and activations; on a GPU 0.56 of bf16 embedding too
        Assert.All(sizes, size => Assert.True(size.GetProperty("guide_bytes").GetInt64() > size.GetProperty("lora_bytes").GetInt64()));
    }

    [Fact]
    public void TheTable_FitsANarrowScreen()
    {
        string[] lines = CliRun.Of("doctor").Ok().Out.Split('\n');
        int title = Array.FindIndex(lines, line => line.StartsWith("  size  LoRA alone", StringComparison.Ordinal));
        Assert.All(lines[title..(title + 6)], line => Assert.InRange(line.Length, 20, 40));
    }

    /// <summary>No sentence comes twice, and it ends with what can be trained.</summary>
    [Fact]
    public void Doctor_SaysEverythingOnce_AndEndsWithWhatCanBeTrained()
    {
        string[] lines = [.. CliRun.Of("doctor").Ok().Out.TrimEnd().Split('\n').Where(line => line.Length > 0)];
        Assert.Equal(lines.Length, lines.Distinct().Count());
        Assert.All(lines.Where(line => line.Length > 40), line => Assert.DoesNotContain(
            lines, other => other != line && other.Contains(line[11..].TrimEnd('.'), StringComparison.Ordinal)));
        Assert.Matches("^This machine (can train Gemma 3 [0-9]+[mb] \\(up to [0-9]+ rows? |has too little)", lines[^1]);
    }

    [Theory]
    [InlineData("ID=ubuntu\nID_LIKE=debian", "Ubuntu", "ubuntu-drivers install", "sudo apt install cuda-nvrtc-")]
    [InlineData("ID=debian", "Debian", "apt install nvidia-driver", "libcublas-")]
    [InlineData("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", "Fedora", "dnf install nvidia-open", "sudo dnf install cuda-nvrtc-")]
    [InlineData("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"", "Suse", "zypper", "zypper")]
    [InlineData("ID=endeavouros\nID_LIKE=arch", "Arch", "pacman -S nvidia-open", "pacman -S cuda")]
    [InlineData("ID=nixos", "Linux", "your distribution's package", "the CUDA toolkit 12 or 13")]
    public void Advice_IsTheDistributions(string release, string kind, params string[] words)
    {
        var platform = new Platform(Platform.OfRelease(release));
        Assert.Equal(kind, $"{platform.Kind}");
        var lines = InstallAdvice.For(platform, Enum.GetValues<CudaLibrary>(), needsNccl: true);
        Assert.Equal(4, lines.Count);
        Assert.All(words, word => Assert.Contains(lines, line => line.Contains(word, StringComparison.Ordinal)));
        Assert.Equal([lines[^1]], lines.Where(line => line.Contains("pip", StringComparison.Ordinal)));
    }

    [Fact]
    public void Advice_KnowsWhereTheDriverIsNotInstalled()
    {
        string Driver(Platform platform) => InstallAdvice.For(platform, [CudaLibrary.Driver], needsNccl: false)[0];
        Assert.Contains("in Windows, and none in WSL", Driver(new(SystemKind.Ubuntu, IsWsl: true)), StringComparison.Ordinal);
        Assert.Contains("--gpus all", Driver(new(SystemKind.Debian, IsContainer: true)), StringComparison.Ordinal);
        Assert.Contains("nvidia.com/drivers", Driver(new(SystemKind.Windows)), StringComparison.Ordinal);
        Assert.Empty(InstallAdvice.For(new(SystemKind.MacOs), Enum.GetValues<CudaLibrary>(), needsNccl: true));
        Assert.Equal(2, InstallAdvice.For(new(SystemKind.Windows), Enum.GetValues<CudaLibrary>(), needsNccl: true).Count);
        Assert.Empty(InstallAdvice.For(new(SystemKind.Debian), [CudaLibrary.Nccl], needsNccl: false));
    }
}
