using System.Text;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

public class KernelCompilerTests
{
    /// <summary>A100, L4 and RTX 40, H100.</summary>
    private static readonly int[] Architectures = [80, 89, 90];

    /// <summary>cosf and sinf keep 2/π to many digits in an array, for angles beyond 10⁵.</summary>
    private const string WithLocalMemory = "rope_table";

    /// <summary>Every file that bf16 needs, for every card, the newest where NVRTC knows them.</summary>
    public static TheoryData<string, string> FilesAndTargets { get; } =
        RowsOf(DType.BFloat16, [.. Architectures.Concat(Newest()).Select(number => $"sm_{number}"), .. WithWarpgroups()]);

    [Fact]
    public void Sources_HaveNamesOfTheirOwn_AsTheyAreEmbeddedWithoutTheirFolders()
    {
        string root = Path.Combine(Fixtures.Repository, "src", "Lapidary.Engine", "Cuda");
        var files = Directory.GetFiles(root, "*.cu*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file));
        Assert.Equal(
            KernelSources.Files.Concat(KernelSources.Headers.Select(header => header.File)).Order(StringComparer.Ordinal),
            files.Order(StringComparer.Ordinal));
        var shared = files.GroupBy(file => file, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1);
        Assert.Empty(shared.Select(same => same.Key));
    }

    [Theory]
    [MemberData(nameof(FilesAndTargets))]
    public void Compile_AcceptsEveryKernel_WithItsVariablesInRegisters(string file, string architecture) =>
        AssertInRegisters(file, new KernelTarget(architecture));

    [Fact]
    public void Compile_OfAnArrayWithARunningIndex_TakesLocalMemory()
    {
        RequireNvrtc();
        const string Text =
            """
            extern "C" __global__ void spill(int* values, int at)
            {
                int local[12];
                for (int i = 0; i < 12; i++) local[values[i] % 12] = i;
                values[0] = local[at];
            }

            extern "C" __global__ void registers(int* values) { values[0] = 1; }
            """;
        foreach (int architecture in Architectures)
        {
            byte[] image = KernelCompiler.Compile(new KernelSource("spill.cu", Text), [], new KernelTarget($"sm_{architecture}"));
            Assert.Equal(new Dictionary<string, uint> { ["registers"] = 0, ["spill"] = 48 }, new Cubin(image).LocalBytes());
        }
    }

    /// <summary>Products of tensor cores, which no sum of other instructions replaces; code ends in a branch to itself.</summary>
    [Theory]
    [InlineData("sm_75")]
    [InlineData("sm_80")]
    public void Compile_OfProducts_HasAsManyInstructionsForThem(string architecture)
    {
        RequireNvrtc();
        const int Products = 3;
        const ushort TensorCoreProduct = 0x23C, Branch = 0x947;
        const string Text =
            """
            extern "C" __global__ void products(unsigned* x, float* y)
            {
                float c[4] = { y[0], y[1], y[2], y[3] };
                #pragma unroll
                for (int i = 0; i < 3; i++)
                    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(x[i]), "r"(x[i + 1]), "r"(x[i + 2]));
                for (int i = 0; i < 4; i++) y[i] = c[i];
            }
            """;
        var image = new Cubin(KernelCompiler.Compile(new KernelSource("products.cu", Text), [], new KernelTarget(architecture)));
        ushort[] instructions = image.Instructions("products");
        Assert.Equal(Products, instructions.Count(opcode => opcode == TensorCoreProduct));
        Assert.Equal(Branch, instructions[^1]);
        Assert.InRange(image.Registers("products"), 8, 64);
    }

    [Fact]
    public void Compile_NamesFileAndLineOfAnError()
    {
        RequireNvrtc();
        var source = new KernelSource("wrong.cu", "#include \"common.cuh\"\nextern \"C\" __global__ void wrong() { undefined(); }\n");
        var target = new KernelTarget("sm_80");
        var error = Assert.Throws<LapidaryException>(() => KernelCompiler.Compile(source, KernelSources.Headers, target));
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

    /// <summary>sm_90a has the products of warpgroups, which NVRTC knows from version 12 on; no other device runs it.</summary>
    [Theory]
    [InlineData(9, 0, "11.8", "sm_90")]
    [InlineData(9, 0, "12.4", "sm_90a")]
    [InlineData(8, 9, "12.4", "sm_89")]
    [InlineData(12, 0, "12.4", "compute_90")]
    public void Target_IsTheDevice_OrPtxOfTheNewestBelowIt(int major, int minor, string compiler, string expected)
    {
        var target = KernelTarget.For(new ComputeCapability(major, minor), Version.Parse(compiler), [75, 80, 86, 89, 90]);
        Assert.Equal(expected, target.Architecture);
        Assert.Equal(expected.Contains("90", StringComparison.Ordinal), target.WaitsForPrevious);
    }

    [Fact]
    public void Target_IsAUserError_WhereNvrtcKnowsNoneForTheDevice() => Assert.Throws<LapidaryException>(
        () => KernelTarget.For(new ComputeCapability(8, 0), new Version(11, 8), [90, 100]));

    /// <summary>Files and the architectures to compile them for.</summary>
    internal static TheoryData<string, string> RowsOf(DType activations, string[] architectures) =>
    [
        .. architectures.SelectMany(architecture => KernelSources.FilesFor(new KernelTarget(architecture, activations))
            .Select(file => new TheoryDataRow<string, string>(file, architecture))),
    ];

    /// <summary>Compiles a file; no kernel of it may have arrays or spilled registers in memory.</summary>
    internal static Cubin AssertInRegisters(string file, KernelTarget target)
    {
        RequireNvrtc();
        var image = new Cubin(KernelCompiler.Compile(KernelSources.Read(file), KernelSources.Headers, target));
        var bytes = image.LocalBytes();
        Assert.NotEmpty(image.Kernels);
        Assert.Empty(image.Kernels.Except(bytes.Keys));
        string[] wrong = [.. image.Kernels.Where(kernel => bytes[kernel] > 0 && kernel != WithLocalMemory)];
        Assert.True(
            wrong.Length == 0,
            string.Join('\n', wrong.Select(kernel => $"{kernel}: {bytes[kernel]} bytes of local memory on {target.Architecture}.")));
        return image;
    }

    private static int[] Newest() => CudaLibraries.Find(CudaLibrary.Nvrtc) is null
        ? []
        : [.. KernelCompiler.SupportedArchitectures().Intersect([100, 120])];

    /// <summary>The target whose warpgroups multiply together, where NVRTC knows it.</summary>
    private static string[] WithWarpgroups()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is null) return [];
        var device = new ComputeCapability(9, 0);
        var target = KernelTarget.For(device, KernelCompiler.Version, KernelCompiler.SupportedArchitectures());
        return target.HasWarpgroups ? [target.Architecture] : [];
    }

    private static void RequireNvrtc()
    {
        if (CudaLibraries.Find(CudaLibrary.Nvrtc) is null) Assert.Skip(CudaLibraries.HowToInstall(CudaLibrary.Nvrtc));
    }
}
