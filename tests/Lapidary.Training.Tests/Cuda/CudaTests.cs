using Lapidary.Tests;

namespace Lapidary.Training.Tests.Cuda;

/// <summary>The tests of <see cref="SftTrainerTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaTrainerTests : SftTrainerTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;

    /// <summary>What no golden has: NF4, dropout and packing together. Masks and order are the same on every device.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_GivesTheCpusLosses(bool packing)
    {
        double[] losses = QloraLosses(Device, packing), expected = QloraLosses(TestDevice.Cpu, packing);
        Assert.Equal(expected.Length, losses.Length);
        for (int step = 0; step < losses.Length; step++) AssertClose(expected[step], losses[step], 2e-3, $"loss of step {step + 1}");
    }
}

/// <summary>The tests of <see cref="SftTrainerTests"/> on the GPU, in fp16.</summary>
[Collection(TestDevice.Cuda)]
public class CudaFloat16TrainerTests : SftTrainerTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.CudaFloat16;
}

/// <summary>The tests of <see cref="SftTrainerResumeTests"/> on the GPU, in fp16.</summary>
[Collection(TestDevice.Cuda)]
public class CudaFloat16TrainerResumeTests : SftTrainerResumeTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.CudaFloat16;
}

/// <summary>The tests of <see cref="SftTrainerResumeTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaTrainerResumeTests : SftTrainerResumeTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}

/// <summary>The tests of <see cref="DivergenceTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaDivergenceTests : DivergenceTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}
