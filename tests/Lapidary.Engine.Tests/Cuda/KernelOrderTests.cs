using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Cuda.Driver;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Kernels are started before the one before them has ended, so each must wait for that itself: these tests find one that
/// forgets.</summary>
public partial class KernelOrderTests
{
    /// <summary>Reads the digits of 2/π by loads for constants; they are constants.</summary>
    private const string WithConstants = "rope_table";

    /// <summary>Files with kernels that load weights, and only these or what earlier steps have written, before they wait.</summary>
    private static readonly string[] WithWeightsFirst =
    [
        "cached_attention_fresh.cu", "project_rows.cu", "project_rows_many.cu", "project_rows_many32.cu", "project_rows_split.cu",
        "project_squares.cu", "project_tiles128.cu", "project_tiles32.cu", "project_tiles64.cu", "qk_norm_rope.cu", "rms_norm.cu",
    ];

    /// <summary>The file with kernels that call the next one before they wait.</summary>
    private const string WithCallFirst = "rms_norm.cu";

    /// <summary>Kernels that load something else first, and one that does not.</summary>
    private const string SampleOfWeightsFirst =
        """
        #include "elements.cuh"
        extern "C" __global__ void right(float* x)
        {
            float w[8];
            for (int i = threadIdx.x; i < 100; i += 8) load_weight_as(x, x == nullptr ? FLOAT32 : BFLOAT16, 8 * i, w);
            after_previous_kernel();
            let_next_kernel_start();
            x[0] += w[0] + w[7];
        }
        extern "C" __global__ void late(float* x)
        {
            float w, first = x[1];
            load_weight(x, w);
            after_previous_kernel();
            x[0] += w + first;
        }
        extern "C" __global__ void early(float* x)
        {
            let_next_kernel_start();
            after_previous_kernel();
            x[0]++;
        }
        extern "C" __global__ void prefetching(float* x)
        {
            asm volatile("prefetch.global.L2 [%0];" ::"l"(x));
            after_previous_kernel();
            x[0]++;
        }
        """;

    /// <summary>Kernels that begin too late, never wait, or read by a load that is outside the order.</summary>
    private const string Sample =
        """
        #include "common.cuh"
        extern "C" __global__ void right(int* x)
        {
            after_previous_kernel();
            x[0]++;
        }
        extern "C" __global__ void __launch_bounds__(64, 2) late(int* x) { int first = x[0]; after_previous_kernel(); x[1] = first; }
        // after_previous_kernel();
        extern "C" __global__ void never(int* x) { x[0] = 1; }
        extern "C" __global__ void outside(const int* __restrict__ x, int* __restrict__ y) { after_previous_kernel(); y[0] = x[0]; }
        """;

    public static TheoryData<string> Files { get; } = [.. KernelSources.Files];

    public static TheoryData<string> FilesWithWeightsFirst { get; } = [.. WithWeightsFirst];

    [Theory]
    [MemberData(nameof(Files))]
    public void Kernel_BeginsByWaitingForThePrevious(string file)
    {
        string[] others = WithoutWaitAtTheirHead(KernelSources.Read(file).Text);
        Assert.True(others.Length == 0 || WithWeightsFirst.Contains(file), string.Join(", ", others));
    }

    [Fact]
    public void Kernel_BeginsByWaitingForThePrevious_WouldFindOneThatDoesNot() =>
        Assert.Equal(["late", "never"], WithoutWaitAtTheirHead(Sample));

    [Theory]
    [MemberData(nameof(Files))]
    public void Compile_KeepsTheWaitBeforeAllMemory(string file) =>
        Assert.Empty(OutOfOrder(KernelSources.Read(file), WithWeightsFirst.Contains(file)).Except([WithConstants]));

    /// <summary>The kernels of warpgroups, which the other target does not have, are among those that load weights first.</summary>
    [Theory]
    [MemberData(nameof(FilesWithWeightsFirst))]
    public void Compile_ForWarpgroups_KeepsTheWaitBeforeAllMemory(string file)
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is null) Assert.Skip(CudaLibraries.HowToInstall(CudaLibrary.Nvrtc));
        if (KernelCompiler.Version.Major < 12) Assert.Skip($"NVRTC {KernelCompiler.Version} knows no warpgroups: install 12.0 or newer.");
        var target = new KernelTarget("compute_90a", DType.Float16);
        Assert.True(target.HasWarpgroups);
        Assert.Empty(OutOfOrder(KernelSources.Read(file), weightsFirst: true, target).Except([WithConstants]));
    }

    [Fact]
    public void Compile_KeepsTheWaitBeforeAllMemory_WouldFindWhatDoesNot() =>
        Assert.Equal(["late", "never", "outside"], OutOfOrder(new KernelSource("sample.cu", Sample)).Order(StringComparer.Ordinal));

    [Fact]
    public void Compile_KeepsTheWaitBeforeAllMemoryButWeights_WouldFindWhatDoesNot() => Assert.Equal(
        ["early", "late", "prefetching"],
        OutOfOrder(new KernelSource("sample.cu", SampleOfWeightsFirst), weightsFirst: true).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("sm_89", false)]
    [InlineData("compute_86", false)]
    [InlineData("sm_90", true)]
    [InlineData("compute_90", true)]
    [InlineData("sm_120", true)]
    public void Target_WaitsForThePrevious_WhereItsCodeCan(string architecture, bool expected) =>
        Assert.Equal(expected, new KernelTarget(architecture).WaitsForPrevious);

    [Fact]
    public unsafe void LaunchConfig_HasTheLayoutOfTheDriver()
    {
        Assert.Equal((56, 72), (sizeof(LaunchConfig), sizeof(LaunchAttribute)));
        Assert.Equal(
            (32, 40, 48, 8),
            ((int)Marshal.OffsetOf<LaunchConfig>(nameof(LaunchConfig.Stream)),
                (int)Marshal.OffsetOf<LaunchConfig>(nameof(LaunchConfig.Attributes)),
                (int)Marshal.OffsetOf<LaunchConfig>(nameof(LaunchConfig.AttributeCount)),
                (int)Marshal.OffsetOf<LaunchAttribute>(nameof(LaunchAttribute.Value))));
    }

    /// <summary>Kernels whose first statement is another.</summary>
    private static string[] WithoutWaitAtTheirHead(string text)
    {
        string code = Comment().Replace(text, "");
        var kernels = Definition().Matches(code);
        Assert.Equal(Global().Count(code), kernels.Count);
        return [.. kernels.Where(kernel => !kernel.Groups["wait"].Success).Select(kernel => kernel.Groups["name"].Value)];
    }

    /// <summary>For the type of activations that needs all files.</summary>
    private static readonly KernelTarget Target = new("compute_90", DType.Float16);

    /// <summary>Kernels in whose PTX an instruction on global memory stands before the wait, or that load past the order.</summary>
    private static string[] OutOfOrder(KernelSource source, bool weightsFirst = false, KernelTarget? target = null)
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is null) Assert.Skip(CudaLibraries.HowToInstall(CudaLibrary.Nvrtc));
        string ptx = Encoding.ASCII.GetString(KernelCompiler.Compile(source, KernelSources.Headers, target ?? Target));
        string[] kernels = ptx.Split(".visible .entry ")[1..];
        Assert.Equal(Global().Count(Comment().Replace(source.Text, "")), kernels.Length);
        bool callFirst = source.File == WithCallFirst;
        return [.. kernels.Where(kernel => !IsInOrder(kernel, weightsFirst, callFirst))
            .Select(kernel => kernel[..kernel.IndexOf('(', StringComparison.Ordinal)])];
    }

    /// <summary>Code is laid out in its order: what stands before the wait is what a kernel does before it.</summary>
    private static bool IsInOrder(string kernel, bool weightsFirst, bool callFirst)
    {
        int wait = kernel.IndexOf("griddepcontrol.wait", StringComparison.Ordinal);
        int start = kernel.IndexOf("griddepcontrol.launch_dependents", StringComparison.Ordinal);
        var memory = weightsFirst ? GlobalMemory() : Memory();
        return wait >= 0 && (callFirst || start < 0 || start > wait) && !memory.IsMatch(kernel[..wait])
            && !kernel.Contains("ld.global.nc", StringComparison.Ordinal);
    }

    [GeneratedRegex("//.*")]
    private static partial Regex Comment();

    [GeneratedRegex("__global__")]
    private static partial Regex Global();

    [GeneratedRegex(@"__global__ void (?:__\w+__\([^)]*\) )*(?<name>\w+)\([^)]*\)\s*\{\s*(?<wait>after_previous_kernel\(\);)?")]
    private static partial Regex Definition();

    /// <summary>An instruction that touches memory, apart from loads of parameters, or jumps.</summary>
    [GeneratedRegex(@"(?m)^\s*(?:@\S+\s+)?(?:ld(?!\.param)|ldu|st|atom|red|cp|prefetchu?|tex|bra)\b")]
    private static partial Regex Memory();

    /// <summary>An instruction that touches memory that other blocks see, apart from loads of weights.</summary>
    [GeneratedRegex(
        @"(?m)^\s*(?:@\S+\s+)?(?:(?:ld|st|cp|atom|red)\b(?!\.param|\.shared|\.const|\.local)(?!.*// weight)|ldu|tex|prefetchu?)")]
    private static partial Regex GlobalMemory();
}
