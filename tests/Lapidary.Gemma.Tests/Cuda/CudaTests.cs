using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Cuda;

/// <summary>The tests of <see cref="GemmaModelTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaModelTests : GemmaModelTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}

/// <summary>The tests of <see cref="GemmaModelTests"/> on the GPU, in fp16.</summary>
[Collection(TestDevice.Cuda)]
public class CudaFloat16ModelTests : GemmaModelTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.CudaFloat16;
}

/// <summary>The tests of <see cref="AdapterTests"/> on the GPU, in fp16.</summary>
[Collection(TestDevice.Cuda)]
public class CudaFloat16AdapterTests : AdapterTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.CudaFloat16;
}

/// <summary>The tests of <see cref="AdapterTests"/> on the GPU.</summary>
[Collection(TestDevice.Cuda)]
public class CudaAdapterTests : AdapterTests
{
    /// <inheritdoc/>
    protected override string Device => TestDevice.Cuda;
}
