using Lapidary.Tests;
using static Lapidary.Engine.Tests.Cuda.DeviceLinearTests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceLinearCrossEntropyTests
{
    private const float LossScale = 0.125f;

    /// <summary>Several chunks of rows, also with the largest vocabulary below.</summary>
    private const long MaxLogitsBytes = 64 << 10;

    /// <summary>Tokens, vocabulary, size of h. A row is shared by 16 blocks where the vocabulary is a multiple of 4: some of them have
    /// nothing of 264 and less.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [9, 33, 20, DType.Float32], [7, 12, 24, DType.Float32], [70, 301, 64, DType.BFloat16],
        [21, 264, 16, DType.BFloat16], [90, 3001, 5, DType.Float16],
        [11, 4100, 24, DType.Float32], [40, 4096, 128, DType.Float32], [5, 262_144, 8, DType.BFloat16]);

    /// <summary>Some and all of the 16 blocks that share a row, with and without a piece that few threads have; the longest row they hold;
    /// what a block has alone: no multiple of 4, and a longer row.</summary>
    public static IEnumerable<object[]> Vocabularies =>
        DeviceRun.Each([20], [2052], [301], [32_772], [262_144], [262_208], [294_912], [294_916]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Cases))]
    public void LossAndGradients_MatchFp64(string device, int tokens, int vocabulary, int dim, DType type)
    {
        using var run = DeviceRun.On(device);
        // bf16 numbers are exact in fp32, and here in fp16 too.
        double[] w = run.Doubles(run.Normal(DType.BFloat16, 1 / Math.Sqrt(dim), vocabulary, dim));
        Tensor h = run.Normal(1, tokens, dim), weight = run.From(type, w, vocabulary, dim);
        Tensor losses = run.New(DType.Float32, tokens), hits = run.New(DType.Float32, tokens), dh = run.New(tokens, dim);
        Tensor dWeight = run.Normal(DType.Float32, 0.01, vocabulary, dim);
        double[] vh = run.Doubles(h), expectedDWeight = run.Doubles(dWeight), expectedDh = new double[tokens * dim];
        double[] expectedLosses = new double[tokens];
        double[] z = Sum(tokens, vocabulary, dim, (t, v, i) => vh[t * dim + i] * w[v * dim + i]);
        int[] labels = [.. Enumerable.Range(0, tokens).Select(Label)];
        bool[] expectedHits = new bool[tokens];
        for (int t = 0; t < tokens; t++)
        {
            if (labels[t] < 0) continue;
            double[] row = z[(t * vocabulary)..((t + 1) * vocabulary)];
            double largest = row.Max(), lse = largest + Math.Log(row.Sum(value => Math.Exp(value - largest)));
            expectedLosses[t] = lse - row[labels[t]];
            expectedHits[t] = row[labels[t]] >= largest;
            for (int v = 0; v < vocabulary; v++)
            {
                double dz = (Math.Exp(row[v] - lse) - (v == labels[t] ? 1 : 0)) * LossScale;
                for (int i = 0; i < dim; i++)
                {
                    expectedDh[t * dim + i] += dz * w[v * dim + i];
                    expectedDWeight[v * dim + i] += dz * vh[t * dim + i];
                }
            }
        }

        run.Backend.LinearCrossEntropy(
            h, weight, run.Ints(labels), run.Floats(LossScale), losses, hits, dh, dWeight, labels.Length, MaxLogitsBytes);

        run.AssertClose(expectedLosses, losses, 1e-4);
        Assert.All(run.Doubles(losses).Where((_, t) => labels[t] < 0), loss => Assert.Equal(0, loss));
        Assert.Equal(expectedHits.Count(hit => hit), run.Doubles(hits).Sum());
        run.AssertClose(expectedDh, dh);
        run.AssertClose(expectedDWeight, dWeight);

        // None, the likeliest token, the last, or any.
        int Label(int t) => (t % 4) switch
        {
            1 => -100,
            2 => Enumerable.Range(0, vocabulary).MaxBy(v => z[t * vocabulary + v]),
            3 => vocabulary - 1,
            _ => (int)((long)t * 7919 % vocabulary),
        };
    }

    /// <summary>With one-hot rows of h, the weight's columns are rows of logits, and those of its gradient theirs: each element is
    /// seen.</summary>
    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void GradientOfEachLogit_IsSoftmaxMinusOneHot(string device, int vocabulary)
    {
        const int Dim = 8;
        using var run = DeviceRun.On(device);
        // The first, the last, one of the last of 16 blocks, and one in the middle.
        int[] labels = [0, vocabulary - 1, -100, 31_000 % vocabulary, vocabulary / 2];
        double[] oneHot = new double[labels.Length * Dim];
        for (int t = 0; t < labels.Length; t++) oneHot[t * Dim + t] = 1;
        Tensor h = run.From(run.Backend.ActivationDType, oneHot, labels.Length, Dim);
        Tensor weight = run.Normal(DType.BFloat16, 2, vocabulary, Dim);
        Tensor dWeight = run.Zeros(DType.Float32, vocabulary, Dim), losses = run.New(DType.Float32, labels.Length);
        run.Backend.LinearCrossEntropy(
            h, weight, run.Ints(labels), run.Floats(LossScale), losses, run.New(DType.Float32, labels.Length), null, dWeight, labels.Length,
            MaxLogitsBytes);

        double[] w = run.Doubles(weight), gradient = run.Doubles(dWeight), expectedLosses = new double[labels.Length];
        for (int t = 0; t < labels.Length; t++)
        {
            double lse = 0;
            for (int v = 0; v < vocabulary; v++) lse += Math.Exp(w[v * Dim + t]);
            lse = Math.Log(lse);
            if (labels[t] >= 0) expectedLosses[t] = lse - w[labels[t] * Dim + t];
            for (int v = 0; v < vocabulary; v++)
            {
                double expected = labels[t] < 0 ? 0 : (Math.Exp(w[v * Dim + t] - lse) - (v == labels[t] ? 1 : 0)) * LossScale;
                double actual = gradient[v * Dim + t];
                if (!(Math.Abs(actual - expected) <= run.Tolerance * Math.Abs(expected) + run.Of(fp32: 0, fp16: 3e-8, bf16: 0)))
                    Assert.Fail($"{run.Backend.Description}: gradient of logit {v} of row {t} is {actual}, expected {expected}.");
            }
        }

        run.AssertClose(expectedLosses, losses, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void NoLabelAtAll_CostsNothingAndChangesNothing(string device)
    {
        using var run = DeviceRun.On(device);
        Tensor losses = run.New(DType.Float32, 5), hits = run.New(DType.Float32, 5), dh = run.New(5, 8);
        Tensor dWeight = run.Normal(DType.Float32, 1, 11, 8);
        double[] before = run.Doubles(dWeight);
        run.Backend.LinearCrossEntropy(
            run.Normal(1, 5, 8), run.Normal(DType.Float32, 1, 11, 8), run.Ints([.. Enumerable.Repeat(-100, 5)]), run.Floats(1),
            losses, hits, dh, dWeight, 5, MaxLogitsBytes);
        Assert.All([.. run.Doubles(losses), .. run.Doubles(hits), .. run.Doubles(dh)], value => Assert.Equal(0, value));
        Assert.Equal(before, run.Doubles(dWeight));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void LossAlone_NeedsNoGradients(string device)
    {
        using var run = DeviceRun.On(device);
        Tensor h = run.Normal(1, 50, 8), weight = run.Normal(DType.BFloat16, 1, 1100, 8), labels = run.Ints([.. Enumerable.Range(0, 50)]);
        Tensor all = run.New(DType.Float32, 50), alone = run.New(DType.Float32, 50), hits = run.New(DType.Float32, 50);
        run.Backend.LinearCrossEntropy(h, weight, labels, run.Floats(1), all, hits, run.New(50, 8), null, 50, MaxLogitsBytes);
        run.Backend.LinearCrossEntropy(h, weight, labels, run.Floats(1), alone, hits, null, null, 50, MaxLogitsBytes);
        Assert.Equal(run.Doubles(all), run.Doubles(alone));
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void TheSameCall_GivesTheSameBits(string device)
    {
        using var run = DeviceRun.On(device);
        Tensor h = run.Normal(1, 60, 64), weight = run.Normal(DType.BFloat16, 1, 900, 64), labels = run.Ints([.. Enumerable.Range(0, 60)]);
        double[] Once()
        {
            Tensor losses = run.New(DType.Float32, 60), hits = run.New(DType.Float32, 60);
            Tensor dh = run.New(60, 64), dWeight = run.Zeros(DType.Float32, 900, 64);
            run.Backend.LinearCrossEntropy(h, weight, labels, run.Floats(1), losses, hits, dh, dWeight, 60, MaxLogitsBytes);
            return [.. run.Doubles(losses), .. run.Doubles(dh), .. run.Doubles(dWeight)];
        }

        Assert.Equal(Once(), Once());
    }

    /// <summary>Enough for the labels there are, in whole chunks and not: nothing differs but by the order of sums.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void FewerRows_SufficeForFewerLabels(string device)
    {
        const int Tokens = 100, Labels = 34, Vocabulary = 900, Dim = 64;
        using var run = DeviceRun.On(device);
        Tensor h = run.Normal(1, Tokens, Dim), weight = run.Normal(DType.BFloat16, 0.1, Vocabulary, Dim);
        Tensor labels = run.Ints([.. Enumerable.Range(0, Tokens).Select(t => t % 3 == 0 ? t : -100)]);
        var (allLosses, allHits, allDh, allDWeight) = With(Tokens);
        foreach (int maxLabels in (int[])[Labels, Labels + 1, Tokens / 2, 2 * Tokens])
        {
            var (losses, hits, dh, dWeight) = With(maxLabels);
            run.AssertClose(run.Doubles(allLosses), losses, 1e-6);
            Assert.Equal(run.Doubles(allHits), run.Doubles(hits));
            run.AssertClose(run.Doubles(allDh), dh);
            run.AssertClose(run.Doubles(allDWeight), dWeight);
        }

        (Tensor Losses, Tensor Hits, Tensor Dh, Tensor DWeight) With(int maxLabels)
        {
            Tensor losses = run.New(DType.Float32, Tokens), hits = run.New(DType.Float32, Tokens), dh = run.New(Tokens, Dim);
            Tensor dWeight = run.Zeros(DType.Float32, Vocabulary, Dim);
            run.Backend.LinearCrossEntropy(h, weight, labels, run.Floats(1), losses, hits, dh, dWeight, maxLabels, MaxLogitsBytes);
            return (losses, hits, dh, dWeight);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void MoreLabelsThanAllowed_AreLossesThatAreNoNumbers(string device)
    {
        using var run = DeviceRun.On(device);
        int[] labels = [-100, 3, 4, -100, 5, 6, -100, 7];
        Tensor losses = run.New(DType.Float32, 8), dh = run.New(8, 16);
        run.Backend.LinearCrossEntropy(
            run.Normal(1, 8, 16), run.Normal(DType.BFloat16, 1, 40, 16), run.Ints(labels), run.Floats(1),
            losses, run.New(DType.Float32, 8), dh, null, 3, MaxLogitsBytes);
        Assert.Equal([false, false, false, false, false, true, false, true], run.Doubles(losses).Select(double.IsNaN));
        Assert.All(run.Doubles(dh), value => Assert.True(double.IsFinite(value)));
    }

    /// <summary>The host does not wait for the device, so it cannot say which: the loss does.</summary>
    [Theory]
    [InlineData(264)]
    [InlineData(301)]
    public void LabelOutsideTheVocabulary_IsALossThatIsNotANumber(int vocabulary)
    {
        using var run = DeviceRun.On(TestDevice.Cuda);
        int[] labels = [0, vocabulary, -100, vocabulary - 1, -1, int.MaxValue, 5];
        Tensor losses = run.New(DType.Float32, 7), hits = run.New(DType.Float32, 7);
        run.Backend.LinearCrossEntropy(
            run.Normal(1, 7, 16), run.Normal(DType.BFloat16, 1, vocabulary, 16), run.Ints(labels), run.Floats(1),
            losses, hits, null, null, 7, MaxLogitsBytes);
        Assert.Equal([false, true, false, false, true, true, false], run.Doubles(losses).Select(double.IsNaN));
        Assert.All(run.Doubles(hits).Where((_, t) => labels[t] < 0 || labels[t] >= vocabulary), hit => Assert.Equal(0, hit));
    }
}
