using Lapidary.Engine.Cuda.Compilation;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Kernels in fp16 without a GPU; a class beside <see cref="KernelCompilerTests"/>, so that both run at the same time.</summary>
public class Float16KernelTests
{
    private const string WithLittleSharedMemory = "attention_lean.cu";

    /// <summary>Every file for the cards without bf16, whose assembler refuses what they lack, and for one that has both.</summary>
    public static TheoryData<string, string> FilesAndTargets { get; } = KernelCompilerTests.RowsOf(DType.Float16, ["sm_75", "sm_90"]);

    [Theory]
    [MemberData(nameof(FilesAndTargets))]
    public void Compile_AcceptsEveryKernel_WithItsVariablesInRegisters(string file, string architecture)
    {
        var image = KernelCompilerTests.AssertInRegisters(file, new KernelTarget(architecture, DType.Float16));
        if (file != WithLittleSharedMemory) return;

        // Besides what their launches ask for, of which TuringTests see that it fits.
        const int Largest = 64 << 10, Dynamic = 60_000;
        Assert.All(image.Kernels, kernel => Assert.InRange(image.SharedBytes(kernel), 1, Largest - Dynamic));
    }
}
