using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Products of rows that the kernel before arranged for them have the bits that they have of rows alone.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceArrangedRowsTests
{
    private const string Arrange = "arrange_rows", Tiles = "project_tiles";
    private const int Outputs = 200;

    /// <summary>On GPUs: the CPU takes no hint.</summary>
    public static IEnumerable<object[]> Kinds => DeviceRun
        .Each([WeightKind.NF4], [WeightKind.NestedNF4], [WeightKind.BFloat16], [WeightKind.Float32])
        .Where(row => (string)row[0] != "cpu");

    public static IEnumerable<object[]> Gpus => DeviceRun.EachDevice.Where(row => (string)row[0] != "cpu");

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Product_OfRowsThatWereMadeForIt_HasTheSameBits(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        using var kept = run.Backend.KeepDecodedWeights(long.MaxValue);
        foreach (var (name, dim) in RowMakers.Cases)
        {
            using var host = MemoryRegion.OnHost(MemoryOwner.Base);
            var weight = run.Import(RandomBits.Weight(kind, Outputs, dim, 1, host));
            var make = RowMakers.Of(name, run, host);
            foreach (int rows in new[] { 9, 33, 64, 100, 256 })
            {
                Tensor plain = run.New(rows, dim), x = run.New(rows, dim), expected = run.New(rows, Outputs), y = run.New(rows, Outputs);
                make(plain, null);
                Product(run, plain, weight, expected); // keeps the weight at its first use
                var alone = Product(run, plain, weight, expected);
                make(x, weight);
                var launched = Product(run, x, weight, y);
                string size = $"{name}: {rows} × {dim}";
                AssertSame(run, plain, x, size);
                AssertSame(run, expected, y, size);
                bool isByWarpgroups = alone.Contains(Arrange);
                Assert.Equal(isByWarpgroups && !RowMakers.Copies(name, dim), launched.Contains(Arrange));
                Assert.Equal(alone.Where(kernel => kernel != Arrange), launched.Where(kernel => kernel != Arrange));
                if (((CudaBackend)run.Backend).Runtime.HasWarpgroups)
                    Assert.Equal(alone.Any(kernel => kernel.StartsWith(Tiles, StringComparison.Ordinal)), isByWarpgroups);
            }
        }
    }

    /// <summary>A kernel, a copy from the host, or the capture of work that writes the same copy.</summary>
    [Theory]
    [MemberData(nameof(Gpus))]
    public void Product_OfRowsThatHaveChangedSince_IsOfTheNewOnes(string device)
    {
        const int Rows = 40, Dim = 640;
        using var run = DeviceRun.On(device);
        using var host = MemoryRegion.OnHost(MemoryOwner.Base);
        var type = run.Backend.ActivationDType;
        Tensor x = run.New(Rows, Dim), y = run.New(Rows, Outputs), expected = run.New(Rows, Outputs);
        Tensor other = run.Import(RandomBits.Matrix(type, Rows, Dim, 9, host)), weight = run.Normal(type, 1, Outputs, Dim);
        byte[] bytes = new byte[x.LengthBytes];
        run.Backend.Read<byte>(other, bytes);
        var wide = run.NormalWide(1, Rows, Dim);
        Tensor normWeight = run.Normal(DType.Float32, 0.1, Dim), rstd = run.New(DType.Float32, Rows);
        foreach (var change in (Action[])
        [
            () => run.Backend.Add(other, x),
            () => run.Backend.Write<byte>(bytes, x),
            () => run.Backend.Zero(x),
            () =>
            {
                run.Backend.Write<byte>(bytes, x);
                using var graph = run.Backend.Capture(Make);
            },
        ])
        {
            Make();
            change();
            Product(run, x, weight, y);
            Product(run, x, weight, expected);
            AssertSame(run, expected, y, "changed rows");
        }

        // A graph takes the copies that it writes itself.
        var step = () =>
        {
            Make();
            run.Backend.ProjectRows(x, [new(weight, null)], [y]);
        };
        step();
        using var replay = run.Backend.Capture(step);
        run.Backend.Zero(wide);
        replay!.Run();
        Product(run, x, weight, expected);
        AssertSame(run, expected, y, "a graph's rows");

        void Make() => run.Backend.RmsNormForward(wide, normWeight, residual: null, 1e-6f, x, rstd, weight);
    }

    /// <summary>Runs a product, and returns the kernels that it launched.</summary>
    private static List<string> Product(DeviceRun run, Tensor x, Tensor weight, Tensor y)
    {
        var launcher = ((CudaBackend)run.Backend).Runtime.Launcher;
        List<string> launched = [];
        launcher.Launched = (kernel, _) => launched.Add(kernel.Name);
        run.Backend.ProjectRows(x, [new Projection(weight, null)], [y]);
        launcher.Launched = null;
        return launched;
    }

    private static void AssertSame(DeviceRun run, Tensor expected, Tensor actual, string size)
    {
        byte[] first = new byte[expected.LengthBytes], second = new byte[actual.LengthBytes];
        run.Backend.Read<byte>(expected, first);
        run.Backend.Read<byte>(actual, second);
        int same = first.AsSpan().CommonPrefixLength(second), row = (int)(expected.LengthBytes / expected.AsRows().Rows);
        if (same < first.Length) Assert.Fail($"{size}: row {same / row} differs at byte {same % row} of {row}.");
    }
}
