using Lapidary.Tests;
using Lapidary.Training.Tests.Demo;

namespace Lapidary.Training.Tests.Cuda;

/// <summary>The tests of <see cref="SftTrainerTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaTrainerTests : SftTrainerTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}

/// <summary>The tests of <see cref="DemoRunTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaDemoTests : DemoRunTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}
