using Lapidary.Engine.Cuda.Driver;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

public class LibrarySearchTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();
    private readonly Dictionary<string, string> _environment = [];

    [Fact]
    public void Candidates_StartWithTheBareName_NewestVersionFirst() => Assert.Equal(
        ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"], Search().Candidates(CudaLibrary.Nvrtc, int.MaxValue));

    [Fact]
    public void Candidates_LeaveOutWhatIsNewerThanTheDriver() =>
        Assert.Equal(["libcublasLt.so.12", "libcublasLt.so.11"], Search().Candidates(CudaLibrary.CublasLt, newestMajor: 12));

    [Fact]
    public void Candidates_OfTheDriver_HaveNoVersion() =>
        Assert.Equal(["libcuda.so.1"], Search().Candidates(CudaLibrary.Driver, int.MaxValue));

    [Theory]
    [InlineData("x86_64-linux")]
    [InlineData("sbsa-linux")]
    public void Candidates_AreFoundInAToolkit(string machine)
    {
        string path = Put($"usr/local/cuda-12.9/targets/{machine}/lib/libnvrtc.so.12");
        Assert.Equal(["libnvrtc.so.12", path, "libnvrtc.so.11.2"], Search().Candidates(CudaLibrary.Nvrtc, 12));
    }

    [Theory]
    [InlineData("CUDA_PATH")]
    [InlineData("CUDA_HOME")]
    public void Candidates_AreFoundThroughTheToolkitsVariable(string variable)
    {
        string path = Put("opt/toolkit/lib64/libcublasLt.so.13");
        _environment[variable] = Folder("opt/toolkit");
        Assert.Contains(path, Search().Candidates(CudaLibrary.CublasLt, 13));
    }

    [Fact]
    public void Candidates_AreFoundInLdLibraryPath_BeforeToolkits()
    {
        string toolkit = Put("usr/local/cuda/lib64/libnvrtc.so.12");
        string path = Put("some/where/libnvrtc.so.12");
        _environment["LD_LIBRARY_PATH"] = $"{Folder("missing")}:{Folder("some/where")}:";
        Assert.Equal(["libnvrtc.so.12", path, toolkit, "libnvrtc.so.11.2"], Search().Candidates(CudaLibrary.Nvrtc, 12));
    }

    [Theory]
    [InlineData("VIRTUAL_ENV", "env")]
    [InlineData("CONDA_PREFIX", "env")]
    [InlineData("PATH", "env/bin")]
    [InlineData("HOME", "")]
    public void Candidates_AreFoundInPipWheels(string variable, string value)
    {
        // CUDA 12's wheels have a folder per library, CUDA 13's one folder, cu13, for all.
        string prefix = variable == "HOME" ? ".local" : "env";
        string old = Put($"{prefix}/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        string joint = Put($"{prefix}/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        _environment[variable] = Folder(value);
        Assert.Equal(["libnvrtc.so.13", joint, "libnvrtc.so.12", old, "libnvrtc.so.11.2"], Search().Candidates(CudaLibrary.Nvrtc, 13));
    }

    [Theory]
    [InlineData("env/lib/python3.12/site-packages/nvidia/nccl/lib", "VIRTUAL_ENV", "env")]
    [InlineData("env/lib", "CONDA_PREFIX", "env")]
    [InlineData("opt/nvidia/hpc_sdk/Linux_x86_64/24.3/comm_libs/nccl/lib", "", "")]
    [InlineData("opt/nvidia/hpc_sdk/Linux_aarch64/25.1/comm_libs/12.6/nccl/lib", "", "")]
    [InlineData("sdks/Linux_x86_64/24.3/comm_libs/nccl/lib", "NVHPC", "sdks")]
    [InlineData("sdk/comm_libs/12.3/nccl/lib", "NVHPC_ROOT", "sdk")]
    public void Candidates_OfNccl_AreFoundWhereItIsInstalled(string folder, string variable, string value)
    {
        string path = Put($"{folder}/libnccl.so.2");
        if (variable.Length > 0) _environment[variable] = Folder(value);
        Assert.Equal(["libnccl.so.2", path], Search().Candidates(CudaLibrary.Nccl, 12));
    }

    [Theory]
    [InlineData("nvidia_nccl_cu13-2.28.3.dist-info", "", 12, false)]
    [InlineData("nvidia_nccl_cu13-2.28.3.dist-info", "", 13, true)]
    [InlineData("nvidia_nccl_cu12-2.27.5.dist-info", "", 12, true)]
    [InlineData("nvidia_nccl_cu12-2.27.5.dist-info", "", 13, true)]
    [InlineData("nvidia_nccl_cu12-2.27.5.dist-info", "nvidia_nccl_cu13-2.28.3.dist-info", 12, true)] // either may have come last
    [InlineData("", "", 12, true)]
    public void Candidates_LeaveOutAnNcclForANewerCuda(string wheel, string other, int driver, bool isTaken)
    {
        const string Packages = "env/lib/python3.12/site-packages";
        foreach (string name in (string[])[wheel, other])
        {
            if (name.Length > 0) Put($"{Packages}/{name}/METADATA");
        }

        string path = Put($"{Packages}/nvidia/nccl/lib/libnccl.so.2");
        _environment["VIRTUAL_ENV"] = Folder("env");
        Assert.Equal(isTaken ? ["libnccl.so.2", path] : ["libnccl.so.2"], Search().Candidates(CudaLibrary.Nccl, driver));
    }

    [Theory]
    [InlineData("/usr/local/cuda-13.0/lib64/libnccl.so.2", 13)]
    [InlineData("/opt/nvidia/hpc_sdk/Linux_x86_64/24.3/comm_libs/12.3/nccl/lib/libnccl.so.2", 12)]
    [InlineData("/env/lib/python3.12/site-packages/nvidia/cu13/lib/libnccl.so.2", 13)]
    [InlineData("/usr/local/cuda/lib64/libnccl.so.2", 0)]
    [InlineData("/opt/nvidia/hpc_sdk/Linux_x86_64/24.3/comm_libs/nccl/lib/libnccl.so.2", 0)]
    [InlineData("libnccl.so.2", 0)]
    public void MajorOf_IsWhatTheFolderTells(string path, int expected) => Assert.Equal(expected, LibrarySearch.MajorOf(path));

    [Theory]
    [InlineData(2304, "2.3.4")]
    [InlineData(2804, "2.8.4")]
    [InlineData(20906, "2.9.6")]
    [InlineData(21803, "2.18.3")]
    [InlineData(22703, "2.27.3")]
    [InlineData(23203, "2.32.3")]
    public void NcclVersion_HasTwoForms(int code, string expected) =>
        Assert.Equal(Version.Parse(expected), CudaLibraries.NcclVersion(code));

    [Fact]
    public void Nccl_ThatIsTooOld_IsRefused_InOneLine()
    {
        var old = new FoundLibrary(CudaLibrary.Nccl, "/usr/lib/libnccl.so.2", new Version(2, 17, 1));
        string message = Assert.Throws<LapidaryException>(() => CudaLibraries.RequireNew(old)).Message;
        string[] parts = ["NCCL 2.17.1", "/usr/lib/libnccl.so.2", "2.18 or newer", "libnccl2", "set device to cuda:0"];
        Assert.All(parts, words => Assert.Contains(words, message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
        var found = old with { Version = CudaLibraries.MinimumNccl };
        Assert.Same(found, CudaLibraries.RequireNew(found));
    }

    [Fact]
    public void Candidates_OnWindows_HaveItsNames()
    {
        string path = Put("Programs/NVIDIA GPU Computing Toolkit/CUDA/v13.0/bin/x64/nvrtc64_130_0.dll");
        _environment["ProgramFiles"] = Folder("Programs");
        Assert.Equal(
            ["nvrtc64_130_0.dll", path, "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"], Search(windows: true).Candidates(CudaLibrary.Nvrtc, 13));
        Assert.Equal(["nvcuda.dll"], Search(windows: true).Candidates(CudaLibrary.Driver, 13));
        Assert.Empty(Search(windows: true).Candidates(CudaLibrary.Nccl, 13));
    }

    [Fact]
    public void Folders_ComeOnce()
    {
        string folder = Path.GetDirectoryName(Put("usr/local/cuda/lib64/libnvrtc.so.12"))!;
        _environment["LD_LIBRARY_PATH"] = $"{folder}:{folder}";
        _environment["CUDA_PATH"] = Folder("usr/local/cuda");
        Assert.Equal([folder], Search().Folders());
    }

    [Theory]
    [InlineData("libnvrtc.so.12", "/opt/with space/libnvrtc.so.12.4.127")]
    [InlineData("libcuda.so.1", "/usr/lib/libcuda.so.550.54")]
    [InlineData("libcublasLt.so.12", null)]
    [InlineData("nvcuda.dll", null)]
    public void MappedPath_IsTheFileBehindAName(string name, string? expected) => Assert.Equal(expected, LibrarySearch.MappedPath(
        [
            "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ",
            "7f0000001000-7f0000002000 r-xp 00000000 08:01 11   /opt/with space/libnvrtc-builtins.so.12.4",
            "7f0000002000-7f0000003000 r-xp 00000000 08:01 12   /opt/with space/libnvrtc.so.12.4.127",
            "7f0000003000-7f0000004000 r-xp 00000000 08:01 13   /usr/lib/libcuda.so.550.54",
            "7f0000004000-7f0000005000 rw-p 00000000 00:00 0    [stack]",
        ],
        name));

    [Fact]
    public void MissingLibraries_AreNamedWithWhatToInstall()
    {
        foreach (var library in Enum.GetValues<CudaLibrary>())
        {
            string message = CudaLibraries.HowToInstall(library);
            Assert.Contains("install", message, StringComparison.Ordinal);
            string instead = library == CudaLibrary.Nccl ? "cuda:0, which needs no NCCL" : "cpu";
            Assert.Contains("set device to " + instead, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Theory]
    [InlineData("11.8")]
    [InlineData("10.2")]
    public void RequireDriver_RefusesOneThatIsTooOld_InOneLine(string version)
    {
        string message = Assert.Throws<LapidaryException>(() => CudaLibraries.RequireDriver(Version.Parse(version))).Message;
        string[] parts = [$"CUDA {version};", "12.0 or newer", "set device to cpu"];
        Assert.All(parts, words => Assert.Contains(words, message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("12.0")]
    [InlineData("13.1")]
    public void RequireDriver_TakesCuda12AndNewer(string version) => CudaLibraries.RequireDriver(Version.Parse(version));

    [Fact]
    public void Find_ReportsVersionAndPlace()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is not { } found)
        {
            Assert.Skip(CudaLibraries.HowToInstall(CudaLibrary.Nvrtc));
            return;
        }

        Assert.InRange(found.Version, new Version(11, 2), new Version(99, 0));
        Assert.Contains("nvrtc", found.Path, StringComparison.Ordinal);
        Assert.Contains(found, CudaLibraries.Find());
    }

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        GC.SuppressFinalize(this);
    }

    private LibrarySearch Search(bool windows = false) => new(_environment.GetValueOrDefault, windows, _root);

    private string Folder(string name) => name.Length == 0 ? _root : Path.Combine(_root, name);

    private string Put(string file)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        return path;
    }
}
