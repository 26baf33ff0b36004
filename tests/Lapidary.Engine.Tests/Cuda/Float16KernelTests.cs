using Lapidary.Engine.Cuda.Compilation;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Kernels in fp16 without a GPU; a class beside <see cref="KernelCompilerTests"/>, so that both run at the same time.</summary>
public class Float16KernelTests
{
    private const string Turing = "sm_75";

    /// <summary>The most dynamic shared memory of each kernel on such a card.</summary>
    private static readonly Lazy<IReadOnlyDictionary<string, int>> DynamicBytes =
        new(() => KernelLaunches.On(TuringTests.Card, DType.Float16));

    /// <summary>Every file for the cards without bf16, whose assembler refuses what they lack, and for one that has both.</summary>
    public static TheoryData<string, string> FilesAndTargets { get; } = KernelCompilerTests.RowsOf(DType.Float16, [Turing, "sm_90"]);

    [Theory]
    [MemberData(nameof(FilesAndTargets))]
    public void Compile_AcceptsEveryKernel_WithItsVariablesInRegisters(string file, string architecture)
    {
        var image = KernelCompilerTests.AssertInRegisters(file, new KernelTarget(architecture, DType.Float16));
        if (architecture != Turing) return;

        // A launch knows its dynamic part alone, and the driver refuses the sum.
        foreach (string kernel in image.Kernels.Where(DynamicBytes.Value.ContainsKey))
        {
            long bytes = image.SharedBytes(kernel) + DynamicBytes.Value[kernel];
            Assert.True(bytes <= TuringTests.Card.MaxSharedBytesPerBlock, $"{kernel} takes {bytes} bytes of shared memory.");
        }
    }
}
