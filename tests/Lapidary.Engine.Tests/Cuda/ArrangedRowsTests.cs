using Lapidary.Engine.Tests.Cpu;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>When a kernel of its own arranges rows for warpgroups: by the launches of a backend that only counts.</summary>
public sealed class ArrangedRowsTests : IDisposable
{
    private const string Arrange = "arrange_rows";
    private const int Outputs = 200;

    private readonly List<string> _launched = [];
    private readonly MemoryRegion _host = MemoryRegion.OnHost(MemoryOwner.Base);
    private CudaBackend? _backend;

    public static TheoryData<string, int> Makers { get; } =
        [.. RowMakers.Cases.Select(maker => new TheoryDataRow<string, int>(maker.Name, maker.Dim))];

    public void Dispose() => _host.Dispose();

    [Theory]
    [MemberData(nameof(Makers))]
    public void Product_TakesTheCopyOfTheKernelThatMadeItsRows_IfColumnsFillStages(string name, int dim)
    {
        using var run = Counter();
        var make = RowMakers.Of(name, run, _host);
        foreach (int rows in new[] { 9, 33, 65, 200 })
        {
            Tensor x = run.New(rows, dim), weight = run.Normal(DType.BFloat16, 1, Outputs, dim), y = run.New(rows, Outputs);
            foreach (bool isTold in new[] { true, false })
            {
                make(x, isTold ? weight : null);
                string[] launched = Product(run, x, weight, y);
                Assert.StartsWith("project_tiles_dense", launched[^1], StringComparison.Ordinal);
                Assert.Equal(isTold && RowMakers.Copies(name, dim) ? 0 : 1, launched.Count(kernel => kernel == Arrange));
            }
        }
    }

    [Fact]
    public void Product_ArrangesItsRows_WhereTheCopyIsOfOthers()
    {
        const int Dim = 640, Rows = 40;
        using var run = Counter();
        var make = RowMakers.Of("norm", run, _host);
        Tensor x = run.New(Rows, Dim), other = run.New(Rows, Dim), y = run.New(Rows, Outputs);
        Tensor weight = run.Normal(DType.BFloat16, 1, Outputs, Dim);
        var quantized = run.Import(RandomBits.Weight(WeightKind.NF4, Outputs, Dim, 1, _host));
        AssertArranges(false, () => make(x, weight));
        AssertArranges(true, () => make(other, weight));
        AssertArranges(true, () => make(x, quantized)); // in another order
        AssertArranges(true, () =>
        {
            make(x, weight);
            run.Backend.Add(other, x);
        });
        AssertArranges(true, () =>
        {
            make(x, weight);
            run.Backend.Zero(x);
        });
        make(x, weight);
        Assert.DoesNotContain(Arrange, Product(run, x, weight, y));
        Assert.Contains(Arrange, Product(run, x, weight, y)); // the first product is later than the copy

        void AssertArranges(bool expected, Action before)
        {
            before();
            Assert.Equal(expected, Product(run, x, weight, y).Contains(Arrange));
        }
    }

    /// <summary>Few rows, and cards without warpgroups.</summary>
    [Theory]
    [InlineData(8, 9, 0)]
    [InlineData(100, 8, 9)]
    [InlineData(100, 12, 0)]
    public void Rows_AreNotArranged_WhereNoWarpgroupsMultiply(int rows, int major, int minor)
    {
        const int Dim = 640;
        using var run = Counter(new ComputeCapability(major, minor));
        Tensor x = run.New(rows, Dim), weight = run.Normal(DType.BFloat16, 1, Outputs, Dim), y = run.New(rows, Outputs);
        RowMakers.Of("norm", run, _host)(x, weight);
        Product(run, x, weight, y); // asks for other scratch
        long before = run.Backend.Memory.Live[MemoryOwner.Workspace];
        RowMakers.Of("pair", run, _host)(x, weight);
        Assert.DoesNotContain(Arrange, Product(run, x, weight, y));
        Assert.Equal(before, run.Backend.Memory.Live[MemoryOwner.Workspace]);
    }

    /// <summary>A step is captured after it has run, perhaps with weights that are only then kept: it must not allocate any more.</summary>
    [Theory]
    [InlineData("270m", QuantizationKind.None, false, "project_tiles_dense_32_split")]
    [InlineData("1b", QuantizationKind.Nf4, false, "project_tiles_nf4_64_gated")]
    [InlineData("1b", QuantizationKind.None, true, "project_tiles_dense_64")]
    public void StepThatDecodes_ArrangesNothing_AndAsksForItsMemoryAtOnce(
        string size, QuantizationKind quantization, bool isAdapted, string kernel)
    {
        using var run = Counter();
        using var model = GemmaModel.Skeleton(GemmaConfig.Preset(size), run.Backend, new ModelOptions { Quantization = quantization });
        using var adapter = isAdapted ? Adapter.Create(model, new LoraConfig(), seed: 1) : null;
        model.Attach(adapter);
        using var steps = new CachedSteps(model, slots: 64, maxLength: 300);
        steps.RunOnce();
        long before = run.Backend.Memory.Live[MemoryOwner.Workspace];
        _launched.Clear();
        steps.RunOnce();
        Assert.Contains(kernel, _launched);
        Assert.DoesNotContain(Arrange, _launched);
        Assert.Equal(before, run.Backend.Memory.Live[MemoryOwner.Workspace]);
    }

    private DeviceRun Counter(ComputeCapability? capability = null)
    {
        var device = CudaDevice.Assumed;
        _backend = CudaBackend.CreateCounter(capability is null ? device : device with { ComputeCapability = capability.Value });
        _backend.Runtime.Launcher.Launched = (kernel, _) => _launched.Add(kernel.Name);
        return DeviceRun.On(TestDevice.Cpu, () => _backend, () => _backend);
    }

    /// <summary>What a product launches.</summary>
    private string[] Product(DeviceRun run, Tensor x, Tensor weight, Tensor y)
    {
        _launched.Clear();
        run.Backend.ProjectRows(x, [new Projection(weight, null)], [y]);
        return [.. _launched];
    }
}
