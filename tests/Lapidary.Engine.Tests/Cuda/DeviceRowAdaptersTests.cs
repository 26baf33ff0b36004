using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Rows of several adapters in one product: each has the bits that it has with its adapter as that of the projection, where
/// fp64 holds them right (<see cref="DeviceProjectRowsTests"/>).</summary>
[Collection(nameof(DeviceRun))]
public class DeviceRowAdaptersTests
{
    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    /// <summary>In, outs, and for each adapter r of each layer (0: it leaves the layer as it is): ranks and sizes that are no multiples of
    /// 4, an adapter of none of the layers, and more adapters than a launch takes.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [1152, new[] { 256, 64, 65 }, new[] { new[] { 16, 16, 16 }, [4, 0, 8], [0, 0, 0], [6, 3, 1], [0, 0, 64] }],
        [100, new[] { 130 }, new[] { new[] { 300 }, [5], [8] }],
        [77, new[] { 12, 3 }, new[] { new[] { 4, 4 }, [1, 16] }],
        [96, new[] { 40, 24 }, Enumerable.Range(0, 70).Select(i => new[] { (i % 9) + 1, i % 4 }).ToArray()],
        [6912, new[] { 130 }, new[] { new[] { 16 }, [64] }]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ARow_HasTheBitsThatItHasWithItsAdapterAlone(string device, int dim, int[] outDims, int[][] ranks)
    {
        const int Most = 75;
        using var run = DeviceRun.On(device);
        var layers = new Layers(run, dim, outDims, ranks);
        double[] input = run.Doubles(run.Normal(1, Most, dim));
        var alone = Enumerable.Range(-1, ranks.Length + 1).ToDictionary(
            index => index, index => layers.Of(index).Project(run.From(run.Backend.ActivationDType, input, Most, dim)));
        var random = new Random(3);
        foreach (int rows in (int[])[1, 2, 5, 8, 9, 33, Most])
        {
            foreach (bool isSorted in (bool[])[false, true])
            {
                int[] picked = [.. Enumerable.Range(0, rows).Select(_ => random.Next(Most))];
                int[] indices = [.. Enumerable.Range(0, rows).Select(_ => random.Next(-1, ranks.Length))];
                if (isSorted) Array.Sort(indices);
                double[] some = [.. picked.SelectMany(row => input.Skip(row * dim).Take(dim))];
                double[][] mixed = layers.Mixed(run.Ints(indices)).Project(run.From(run.Backend.ActivationDType, some, rows, dim));
                for (int i = 0; i < outDims.Length; i++)
                {
                    Assert.Equal(
                        picked.Zip(indices).SelectMany(row => alone[row.Second][i].Skip(row.First * outDims[i]).Take(outDims[i])),
                        mixed[i]);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void AGatedRow_HasTheBitsThatItHasWithItsAdapterAlone(string device)
    {
        const int Rows = 11, Dim = 128, Out = 130;
        using var run = DeviceRun.On(device);
        var layers = new Layers(run, Dim, [Out, Out], [[8, 8], [4, 0], [3, 16]]);
        var x = run.Normal(1, Rows, Dim);
        double[][] alone = [.. Enumerable.Range(-1, 4).Select(index => Gated(layers.Of(index)))];
        int[] indices = [2, 0, 0, -1, 1, 1, 1, -1, -1, 0, 2];
        double[] mixed = Gated(layers.Mixed(run.Ints(indices)));
        for (int row = 0; row < Rows; row++)
            Assert.Equal(alone[indices[row] + 1].AsSpan(row * Out, Out), mixed.AsSpan(row * Out, Out));

        double[] Gated(Projected projected)
        {
            Tensor gateY = run.New(Rows, Out), upY = run.New(Rows, Out), y = run.New(Rows, Out);
            run.Backend.ProjectRowsGated(x, projected.Projections[0], projected.Projections[1], gateY, upY, y);
            return run.Doubles(y);
        }
    }

    /// <summary>A numeric fault of one adapter is that of its rows alone.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void ABrokenAdapter_SpoilsItsRowsAlone(string device)
    {
        const int Rows = 6, Dim = 64, Out = 20;
        using var run = DeviceRun.On(device);
        var layers = new Layers(run, Dim, [Out], [[8], [8]]);
        run.Backend.Write<float>([.. Enumerable.Repeat(float.NaN, 8 * Dim)], layers.Of(1).Projections[0].Adapter!.A.Value);
        double[] y = layers.Mixed(run.Ints(0, 1, -1, 0, 1, 0)).Project(run.Normal(1, Rows, Dim))[0];
        for (int row = 0; row < Rows; row++)
            Assert.All(y[(row * Out)..((row + 1) * Out)], value => Assert.Equal(row is 1 or 4, double.IsNaN(value)));
    }

    [Fact]
    public void ACapturedStep_TakesAnyMixture()
    {
        const int Rows = 12, Dim = 192, Out = 50;
        using var run = DeviceRun.On("cuda");
        var layers = new Layers(run, Dim, [Out], [[8], [16], [0]]);
        var indices = run.Ints(new int[Rows]);
        var mixed = layers.Mixed(indices).Projections;
        Tensor x = run.Normal(1, Rows, Dim), y = run.New(Rows, Out);
        run.Backend.ProjectRows(x, mixed, [y]);
        using var replay = run.Backend.Capture(() => run.Backend.ProjectRows(x, mixed, [y]))!;
        int[] some = [0, 0, 1, 1, 2, 2, -1, -1, 0, 1, 0, 1];
        foreach (int[] now in (int[][])[some, [.. Enumerable.Repeat(-1, Rows)], [.. Enumerable.Repeat(1, Rows)]])
        {
            run.Backend.Write<int>(now, indices);
            replay.Run();
            Assert.Equal(layers.Mixed(run.Ints(now)).Project(x)[0], run.Doubles(y));
        }
    }

    [Fact]
    public void OnTheCpu_TheyAllocateNothing()
    {
        using var run = DeviceRun.On("cpu");
        var layers = new Layers(run, 96, [40, 24], [[8, 8], [4, 0]]);
        var mixed = layers.Mixed(run.Ints(0, -1, 1, 1, 0)).Projections;
        Tensor x = run.Normal(1, 5, 96);
        Tensor[] ys = [run.New(5, 40), run.New(5, 24)];
        Close.AllocatesNothing(() => run.Backend.ProjectRows(x, mixed, ys));
    }

    /// <summary>Projections as they are used.</summary>
    private sealed record Projected(DeviceRun Run, Projection[] Projections)
    {
        /// <summary>The first output is that of a layer whose result a norm takes.</summary>
        public double[][] Project(Tensor x)
        {
            long rows = x.Shape[0];
            Tensor[] ys = [.. Projections.Select((layer, i) => i == 0
                ? Run.NewWide(rows, layer.Weight.Shape[0])
                : Run.New(rows, layer.Weight.Shape[0]))];
            Run.Backend.ProjectRows(x, Projections, ys);
            return [.. ys.Select(Run.Doubles)];
        }
    }

    /// <summary>Layers of one input with several adapters.</summary>
    private sealed class Layers
    {
        private readonly DeviceRun _run;
        private readonly Tensor[] _weights;

        /// <summary>By layer and adapter.</summary>
        private readonly LoraAdapter?[][] _adapters;

        public Layers(DeviceRun run, int dim, int[] outDims, int[][] ranks)
        {
            _run = run;
            _weights = [.. outDims.Select(outDim => run.Normal(run.Backend.ActivationDType, 0.05, outDim, dim))];
            _adapters = [.. outDims.Select((outDim, layer) => ranks.Select((r, i) => r[layer] == 0 ? null : new LoraAdapter(
                new Parameter("A", run.Normal(DType.Float32, 0.1, r[layer], dim), null),
                new Parameter("B", run.Normal(DType.Float32, 0.1, outDim, r[layer]), null), 0.5f + i, Dropout: null)).ToArray())];
        }

        /// <summary>With one adapter for all rows, or none (−1).</summary>
        public Projected Of(int index) =>
            new(_run, [.. _weights.Select((weight, i) => new Projection(weight, index < 0 ? null : _adapters[i][index]))]);

        public Projected Mixed(Tensor indices) => new(_run,
            [.. _weights.Select((weight, i) => new Projection(weight, null) { RowAdapters = new RowAdapters(_adapters[i], indices) })]);
    }
}
