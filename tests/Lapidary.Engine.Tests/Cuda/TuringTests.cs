using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Cards of compute capability 7.5, by a backend that only counts: which are taken, in which type, and that no kernel asks for
/// more shared memory than they have, which a launch refuses.</summary>
public sealed class TuringTests : IDisposable
{
    internal static readonly CudaDevice Card = CudaDevice.Assumed with
    {
        ComputeCapability = new ComputeCapability(7, 5),
        MaxSharedBytesPerBlock = 64 << 10,
    };

    private readonly CudaBackend _backend = CudaBackend.CreateCounter(Card);
    private readonly MemoryRegion _region;

    public TuringTests() => _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);

    [Theory]
    [InlineData("Tesla T4", 7, 5, null)]
    [InlineData("NVIDIA GeForce RTX 2060", 7, 5, null)]
    [InlineData("NVIDIA TITAN RTX", 7, 5, null)]
    [InlineData("Quadro RTX 4000", 7, 5, null)]
    [InlineData("NVIDIA A100-SXM4-40GB", 8, 0, null)]
    [InlineData("NVIDIA GeForce MX570", 8, 6, null)]
    [InlineData("Tesla V100-SXM2-16GB", 7, 0, "CUDA 12")]
    [InlineData("Tesla P100-PCIE-16GB", 6, 0, "7.5 or above")]
    public void Cards_AreTaken_OrRefusedWithTheReason(string name, int major, int minor, string? reason)
    {
        var card = CudaDevice.Like(name, new ComputeCapability(major, minor), 1, 1L << 30);
        Assert.Null(card.WhySlow());
        AssertLine(name, reason, card.WhyUnsupported());
    }

    [Theory]
    [InlineData("NVIDIA GeForce GTX 1630")]
    [InlineData("NVIDIA GeForce GTX 1650")]
    [InlineData("NVIDIA GeForce GTX 1650 with Max-Q Design")]
    [InlineData("NVIDIA GeForce GTX 1660 Ti")]
    [InlineData("NVIDIA GeForce MX450")]
    [InlineData("NVIDIA GeForce MX550")]
    [InlineData("NVIDIA T400 4GB")]
    [InlineData("NVIDIA T1000")]
    [InlineData("Quadro T2000")]
    public void CardsWithoutTensorCores_AreTaken_AndSaidToBeSlow(string name)
    {
        var card = CudaDevice.Like(name, new ComputeCapability(7, 5), 1, 1L << 30);
        Assert.Null(card.WhyUnsupported());
        Assert.Equal(DType.Float16, card.ActivationDType);
        AssertLine(name, "no tensor cores", card.WhySlow());
    }

    [Fact]
    public void Activations_AreInFloat16_UnlessTheCardMultipliesBFloat16()
    {
        Assert.Equal((DType.Float16, DType.Float32), (_backend.ActivationDType, _backend.ResidualDType));
        using (var counter = _backend.CreateCounter()) Assert.Equal(DType.Float16, counter.ActivationDType);
        using (var other = CudaBackend.CreateCounter(device: null))
            Assert.Equal((DType.BFloat16, DType.BFloat16), (other.ActivationDType, other.ResidualDType));
        using (var chosen = CudaBackend.CreateCounter(device: null, new CudaOptions { ActivationDType = DType.Float16 }))
            Assert.Equal((DType.Float16, DType.Float32), (chosen.ActivationDType, chosen.ResidualDType));
    }

    [Theory]
    [InlineData(DType.BFloat16, "do not multiply bf16")]
    [InlineData(DType.Float32, "bfloat16 or float16")]
    public void AnotherType_IsRefused(DType dtype, string reason)
    {
        var error = Assert.Throws<LapidaryException>(() =>
            CudaBackend.CreateCounter(Card, new CudaOptions { ActivationDType = dtype }));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Before anything runs, in either direction.</summary>
    [Fact]
    public void Recording_TellsActivationsFromTheResidualStream()
    {
        using var program = new StepProgram(_backend);
        var tape = new Tape(program, training: false);
        Tensor activation = tape.New(3, 8), stream = tape.New(tape.ResidualDType, 3, 8), weight = New(DType.Float32, 8);
        var layer = new Projection(New(DType.Float32, 8, 8), null);

        AssertRefused("RmsNorm: x must be Float32, got Float16[3, 8].", () => Ops.RmsNorm(tape, activation, weight, 1e-6f));
        AssertRefused("Project: x must be Float16, got Float32[3, 8].", () => Ops.Project(tape, stream, layer));
        Assert.Equal(DType.Float16, Ops.RmsNorm(tape, stream, weight, 1e-6f).DType);
        Assert.Equal(DType.Float32, Ops.RmsNorm(tape, Ops.ProjectToResidual(tape, activation, layer), weight, 1e-6f, stream).DType);

        static void AssertRefused(string message, Func<object> record) =>
            Assert.Equal(message, Assert.Throws<ShapeException>(record).Message);
    }

    [Fact]
    public void Launches_FitItsSharedMemory() => Assert.NotEmpty(KernelLaunches.On(Card, DType.Float16));

    public void Dispose()
    {
        _region.Dispose();
        _backend.Dispose();
    }

    private static void AssertLine(string name, string? reason, string? found)
    {
        if (reason is null)
        {
            Assert.Null(found);
            return;
        }

        Assert.NotNull(found);
        Assert.Contains(reason, found, StringComparison.Ordinal);
        Assert.StartsWith(name, found, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', found);
    }

    private Tensor New(params long[] shape) => New(_backend.ActivationDType, shape);

    private Tensor New(DType dtype, params long[] shape) => _region.New("", dtype, shape);
}
