using Lapidary.Tests;

namespace Lapidary.TextToSql.Tests.Cuda;

/// <summary>The tests of <see cref="DemoRunTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaDemoTests : DemoRunTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}
