using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceLoraTests
{
    private const float Scale = 1.5f;
    private const long Seed = 1234567890123;

    public static IEnumerable<object[]> Cases => DeviceRun.Each([4, 51, 37, 0f], [16, 51, 37, 0f], [16, 51, 37, 0.3f], [16, 256, 384, 0.05f]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ForwardAndBackward_MatchFp64(string device, int r, int dim, int outDim, float probability)
    {
        const int Tokens = 70;
        using var run = DeviceRun.On(device);
        Tensor a = run.Normal(DType.Float32, 0.3, r, dim), b = run.Normal(DType.Float32, 0.3, outDim, r);
        Tensor dA = run.Normal(DType.Float32, 1, r, dim), dB = run.Normal(DType.Float32, 1, outDim, r);
        Tensor x = run.Normal(1, Tokens, dim), y = run.Normal(1, Tokens, outDim), xa = run.New(Tokens, r);
        Tensor dy = run.Normal(1, Tokens, outDim), dx = run.Normal(1, Tokens, dim);
        var adapter = new LoraAdapter(new Parameter("A", a, dA), new Parameter("B", b, dB), Scale,
            new Dropout(probability, run.Long(Seed), Stream: 5));

        uint key = Dropout.Key(Seed, 5);
        double Mask(int i) => Dropout.Hash(key, (uint)i) >= adapter.Dropout!.Threshold ? 1 / (1.0 - probability) : 0;
        double[] mask = [.. Enumerable.Range(0, Tokens * dim).Select(Mask)];
        double[] input = [.. run.Doubles(x).Select((value, i) => value * mask[i])];
        double[] va = run.Doubles(a), vb = run.Doubles(b), vdy = run.Doubles(dy);
        double[] expectedXa = Sum(Tokens, r, dim, (t, i, p) => input[t * dim + p] * va[i * dim + p]);
        double[] dxa = Sum(Tokens, r, outDim, (t, i, o) => Scale * vdy[t * outDim + o] * vb[o * r + i]);
        double[] expectedY = Plus(y, Sum(Tokens, outDim, r, (t, o, i) => Scale * expectedXa[t * r + i] * vb[o * r + i]));
        double[] expectedDB = Plus(dB, Sum(outDim, r, Tokens, (o, i, t) => Scale * vdy[t * outDim + o] * expectedXa[t * r + i]));
        double[] expectedDA = Plus(dA, Sum(r, dim, Tokens, (i, p, t) => dxa[t * r + i] * input[t * dim + p]));
        double[] expectedDx = Plus(dx, Sum(Tokens, dim, r, (t, p, i) => dxa[t * r + i] * va[i * dim + p] * mask[t * dim + p]));

        run.Backend.LoraForward(x, adapter, xa, y);
        run.Backend.LoraBackward(dy, x, adapter, xa, dx);

        run.AssertClose(expectedXa, xa);
        run.AssertClose(expectedY, y);
        run.AssertClose(expectedDB, dB);
        run.AssertClose(expectedDA, dA);
        run.AssertClose(expectedDx, dx);

        double[] Plus(Tensor before, double[] change) => [.. run.Doubles(before).Zip(change, (there, value) => there + value)];
    }

    /// <summary>The same bits as on the CPU: a mask that differs in one element would show as a whole element of error.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Dropout_KeepsTheHashedElements(string device)
    {
        const int Tokens = 33, Dim = 77;
        using var run = DeviceRun.On(device);
        // A is the identity's first rows, so xa is dropout(x) itself.
        double[] identity = new double[Dim * Dim];
        for (int i = 0; i < Dim; i++) identity[i * Dim + i] = 1;
        Tensor a = run.From(DType.Float32, identity, Dim, Dim), b = run.Zeros(DType.Float32, 8, Dim);
        Tensor x = run.From(run.Backend.ActivationDType, [.. Enumerable.Repeat(1.0, Tokens * Dim)], Tokens, Dim), xa = run.New(Tokens, Dim);
        var dropout = new Dropout(0.5f, run.Long(Seed), Stream: 9);
        var adapter = new LoraAdapter(new Parameter("A", a, null), new Parameter("B", b, null), 1, dropout);
        run.Backend.LoraForward(x, adapter, xa, run.Zeros(run.Backend.ActivationDType, Tokens, 8));
        uint key = Dropout.Key(Seed, 9);
        Assert.Equal(Enumerable.Range(0, Tokens * Dim).Select(i => Dropout.Hash(key, (uint)i) >= dropout.Threshold ? 2.0 : 0), run.Doubles(xa));
    }

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;
}
