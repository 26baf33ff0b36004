using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Norms of a residual stream whose values leave fp16's range, as those of Gemma 3 do: activations and gradients stay
/// finite and right.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceResidualRangeTests
{
    private const float Epsilon = 1e-6f;
    private const int Rows = 4, Dim = 640;

    /// <summary>What Gemma 3's 270M and 27B reach.</summary>
    public static IEnumerable<object[]> Values => DeviceRun.Each([1e5], [7e5]);

    [Theory]
    [MemberData(nameof(Values))]
    public void Norms_OfLargeValues_MatchFp64(string device, double value)
    {
        Assert.False(Half.IsFinite((Half)value)); // in fp16 the stream itself would be lost
        using var run = DeviceRun.On(device);
        double[] stream = run.Doubles(run.NormalWide(3, Rows, Dim));
        for (int row = 0; row < Rows; row++) stream[row * Dim + 7 + row] = row % 2 == 0 ? value : -value;
        Tensor h = run.From(run.Backend.ResidualDType, stream, Rows, Dim), result = run.NormalWide(40, Rows, Dim);
        Tensor weight = run.Normal(DType.Float32, 0.5, Dim), y = run.New(Rows, Dim), sum = run.NewWide(Rows, Dim);
        Tensor rstd = run.New(DType.Float32, Rows), dy = run.Normal(1, Rows, Dim), dh = run.NewWide(Rows, Dim);
        double[] w = run.Doubles(weight), values = run.Doubles(h), gradient = run.Doubles(dy);

        run.Backend.RmsNormForward(h, weight, null, Epsilon, y, rstd);
        run.Backend.RmsNormBackward(dy, h, weight, rstd, dh, add: false, dWeight: null);
        run.AssertClose([.. values.Chunk(Dim).SelectMany(row => NormReference.Forward(row, w, Epsilon).Y)], y);
        run.AssertClose(
            [.. values.Chunk(Dim).SelectMany((row, i) => NormReference.Backward(gradient.AsSpan(i * Dim, Dim), row, w, Epsilon))], dh);

        run.Backend.RmsNormForward(result, weight, h, Epsilon, sum, rstd);
        double[] normed = [.. run.Doubles(result).Chunk(Dim).SelectMany(row => NormReference.Forward(row, w, Epsilon).Y)];
        run.AssertClose([.. normed.Zip(values, (a, b) => a + b)], sum);
    }
}
