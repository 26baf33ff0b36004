using System.Text;
using Lapidary.Engine.Cuda;
using Lapidary.Engine.Cuda.Driver;

namespace Lapidary.Engine.Tests.Cuda;

public class KernelCompilerTests
{
    /// <summary>A100, L4 and RTX 40, H100.</summary>
    public static TheoryData<string, int> FilesAndArchitectures { get; } =
        [.. KernelSources.Files.SelectMany(file => new[] { 80, 89, 90 }.Select(architecture => new TheoryDataRow<string, int>(file, architecture)))];

    [Theory]
    [MemberData(nameof(FilesAndArchitectures))]
    public void Compile_AcceptsEveryKernel(string file, int architecture)
    {
        RequireNvrtc();
        byte[] image = KernelCompiler.Compile(KernelSources.Read(file), KernelSources.Headers, new KernelTarget($"sm_{architecture}"));
        Assert.True(image.AsSpan().StartsWith("\u007fELF"u8));
    }

    [Fact]
    public void Compile_NamesFileAndLineOfAnError()
    {
        RequireNvrtc();
        var source = new KernelSource("wrong.cu", "#include \"common.cuh\"\nextern \"C\" __global__ void wrong() { undefined(); }\n");
        var error = Assert.Throws<LapidaryException>(() => KernelCompiler.Compile(source, KernelSources.Headers, new KernelTarget("sm_80")));
        Assert.Contains("wrong.cu(2)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compile_WritesPtx_ForAVirtualArchitecture()
    {
        RequireNvrtc();
        var source = new KernelSource("empty.cu", "extern \"C\" __global__ void nothing() {}\n");
        byte[] image = KernelCompiler.Compile(source, [], new KernelTarget("compute_80"));
        Assert.Contains(".visible .entry nothing", Encoding.ASCII.GetString(image), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, 0, "sm_90")]
    [InlineData(8, 9, "sm_89")]
    [InlineData(12, 0, "compute_90")]
    public void Target_IsTheDevice_OrPtxOfTheNewestBelowIt(int major, int minor, string expected) =>
        Assert.Equal(expected, KernelTarget.For(new ComputeCapability(major, minor), [75, 80, 86, 89, 90]).Architecture);

    [Fact]
    public void Target_IsAUserError_WhereNvrtcKnowsNoneForTheDevice() =>
        Assert.Throws<LapidaryException>(() => KernelTarget.For(new ComputeCapability(8, 0), [90, 100]));

    private static void RequireNvrtc()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is null) Assert.Skip(CudaLibraries.HowToInstall(CudaLibrary.Nvrtc));
    }
}
