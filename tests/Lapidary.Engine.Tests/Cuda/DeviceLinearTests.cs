using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceLinearTests
{
    public static IEnumerable<object[]> Kinds => DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]);

    public static IEnumerable<object[]> Adds => DeviceRun.Each([false], [true]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Forward_MatchesFp64_ForEveryKindOfWeight(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        foreach (int blockSize in kind >= WeightKind.NF4 ? new[] { 32, 64, 256 } : [64])
        {
            foreach (var (tokens, outDim, dim) in new[]
            {
                (1, 1, 1), (1, 130, 256), (2, 33, 384), (3, 20, 77), (4, 9, 1300), (5, 40, 128), (130, 96, 320),
            })
            {
                using var weight = TestMatrix.Create(kind, outDim, dim, 2, blockSize);
                Tensor x = run.Normal(1, tokens, dim), y = run.New(tokens, outDim);
                run.Backend.LinearForward(x, run.Import(weight.Tensor), y);
                double[] input = run.Doubles(x);
                run.AssertClose(Sum(tokens, outDim, dim, (t, o, p) => input[t * dim + p] * weight[o, p]), y);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Forward_WritesFp32_WhereAsked(string device)
    {
        const int Tokens = 3, OutDim = 40, Dim = 64;
        using var run = DeviceRun.On(device);
        using var weight = TestMatrix.Create(WeightKind.BFloat16, OutDim, Dim, 2);
        Tensor x = run.Normal(1, Tokens, Dim), y = run.New(DType.Float32, Tokens, OutDim);
        run.Backend.LinearForward(x, run.Import(weight.Tensor), y);
        double[] input = run.Doubles(x);
        run.AssertClose(Sum(Tokens, OutDim, Dim, (t, o, p) => input[t * Dim + p] * weight[o, p]), y, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Adds))]
    public void Backward_OverwritesOrAdds(string device, bool add)
    {
        const int Tokens = 70, OutDim = 65, Dim = 51;
        using var run = DeviceRun.On(device);
        using var weight = TestMatrix.Create(WeightKind.NestedNF4, OutDim, Dim, 2);
        Tensor dy = run.Normal(1, Tokens, OutDim), dx = add ? run.Normal(3, Tokens, Dim) : run.New(Tokens, Dim);
        double[] gradient = run.Doubles(dy), before = run.Doubles(dx);
        run.Backend.LinearBackward(dy, run.Import(weight.Tensor), dx, add);
        double[] change = Sum(Tokens, Dim, OutDim, (t, i, o) => gradient[t * OutDim + o] * weight[o, i]);
        run.AssertClose([.. change.Select((value, i) => value + (add ? before[i] : 0))], dx);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizedOnImport_IsTheHostsWeight(string device)
    {
        const int Tokens = 5, OutDim = 48, Dim = 320;
        using var run = DeviceRun.On(device);
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base);
        using var host = MemoryRegion.OnHost(MemoryOwner.Base);
        using var weight = TestMatrix.Float32(OutDim, Dim, 1);
        var values = host.New("values", DType.Float32, OutDim, Dim);
        Nf4Quantizer.Dequantize(Nf4Quantizer.Quantize(weight.Tensor, new Nf4Options(), host), values);
        float[] decoded = values.AsSpan<float>().ToArray();

        Tensor x = run.Normal(1, Tokens, Dim), y = run.New(Tokens, OutDim);
        run.Backend.LinearForward(x, run.Backend.QuantizeNf4(weight.Tensor, new Nf4Options(), region), y);
        double[] input = run.Doubles(x);
        run.AssertClose(Sum(Tokens, OutDim, Dim, (t, o, p) => input[t * Dim + p] * decoded[o * Dim + p]), y);
    }

    internal static double[] Sum(int rows, int columns, int length, Func<int, int, int, double> term)
    {
        double[] sums = new double[rows * columns];
        for (int i = 0; i < sums.Length; i++)
        {
            for (int p = 0; p < length; p++) sums[i] += term(i / columns, i % columns, p);
        }

        return sums;
    }
}
