using Lapidary.Engine.Tests.Cpu;
using Lapidary.Engine.Tests.Reference;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceElementwiseTests
{
    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    public static IEnumerable<object[]> Types => DeviceRun.Each([DType.Float32], [DType.BFloat16], [DType.Float16]);

    /// <summary>Around every width of access, and of several blocks.</summary>
    private static int[] Counts { get; } = [.. Sizes.All, 16385];

    [Theory]
    [MemberData(nameof(Devices))]
    public void Add_AddsActivations_AndFp32(string device)
    {
        using var run = DeviceRun.On(device);
        foreach (int count in Counts)
        {
            foreach (var dtype in (DType[])[run.Backend.ActivationDType, DType.Float32])
            {
                Tensor source = run.Normal(dtype, 1, count), target = run.Normal(dtype, 1, count);
                double[] expected = [.. run.Doubles(source).Zip(run.Doubles(target), (a, b) => a + b)];
                run.Backend.Add(source, target);
                run.AssertClose(expected, target);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Zero_SetsEveryByte_AndNoOther(string device)
    {
        using var run = DeviceRun.On(device);
        foreach (int rows in (int[])[1, 7, 1000])
        {
            var tensor = run.Normal(1, rows + 2, 3);
            double[] before = run.Doubles(tensor);
            run.Backend.Zero(tensor.Rows(1, rows));
            Assert.Equal([.. before[..3], .. new double[rows * 3], .. before[^3..]], run.Doubles(tensor));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Embedding_MatchesFp64(string device, DType tableType)
    {
        int[] ids = [3, 0, 10, 3, 3, 7, 0];
        using var run = DeviceRun.On(device);
        foreach (int hidden in Sizes.All)
        {
            Tensor table = run.Normal(tableType, 0.02, 11, hidden), y = run.NewWide(ids.Length, hidden);
            Tensor dy = run.NormalWide(1, ids.Length, hidden), dTable = run.Normal(DType.Float32, 1, 11, hidden);
            double[] rows = run.Doubles(table), gradient = run.Doubles(dy), expected = run.Doubles(dTable);
            for (int t = 0; t < ids.Length; t++)
            {
                for (int i = 0; i < hidden; i++) expected[ids[t] * hidden + i] += gradient[t * hidden + i] * 25.25;
            }

            run.Backend.EmbeddingForward(run.Ints(ids), table, 25.25f, y);
            run.Backend.EmbeddingBackward(run.Ints(ids), dy, 25.25f, dTable);

            run.AssertClose([.. ids.SelectMany(id => rows.Skip(id * hidden).Take(hidden)).Select(x => x * 25.25)], y);
            run.AssertClose(expected, dTable, 1e-5);
        }
    }

    /// <summary>Ids met once and met more often than a block has threads, out of order, some of them outside the vocabulary.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void EmbeddingBackward_AddsEveryTokenOfAnId_InAnyOrder(string device)
    {
        const int Vocabulary = 41;
        using var run = DeviceRun.On(device);
        foreach (var (tokens, hidden) in (ReadOnlySpan<(int, int)>)[(1, 8), (257, 3), (700, 24), (1031, 8)])
        {
            int[] ids = [.. Enumerable.Range(0, tokens).Select(t => t % 2 == 0 ? 7
                : t % 5 == 0 && device != TestDevice.Cpu ? (t % 3 - 1) * int.MaxValue : t * 17 % Vocabulary)];
            Tensor dy = run.NormalWide(1, tokens, hidden), dTable = run.Normal(DType.Float32, 1, Vocabulary, hidden);
            double[] gradient = run.Doubles(dy), expected = run.Doubles(dTable), start = run.Doubles(dTable);
            for (int t = 0; t < tokens; t++)
            {
                for (int i = 0; i < hidden && ids[t] is >= 0 and < Vocabulary; i++)
                    expected[ids[t] * hidden + i] += gradient[t * hidden + i] * 2;
            }

            Tensor again = run.From(DType.Float32, start, Vocabulary, hidden);
            run.Backend.EmbeddingBackward(run.Ints(ids), dy, 2, dTable);
            run.Backend.EmbeddingBackward(run.Ints(ids), dy, 2, again);
            run.AssertClose(expected, dTable, 1e-5);
            Assert.Equal(run.Doubles(dTable), run.Doubles(again));
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void GeGlu_MatchesFp64(string device)
    {
        static double Gelu(double g) => 0.5 * g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
        const double H = 1e-5; // fp64: truncation and rounding both below 1e-10
        using var run = DeviceRun.On(device);
        foreach (int count in Counts)
        {
            Tensor gate = run.Normal(2, count), up = run.Normal(1, count), dy = run.Normal(1, count);
            Tensor y = run.New(count), dGate = run.New(count), dUp = run.New(count);
            double[] g = run.Doubles(gate), u = run.Doubles(up), d = run.Doubles(dy);
            run.Backend.GeGluForward(gate, up, y);
            run.Backend.GeGluBackward(dy, gate, up, dGate, dUp);
            run.AssertClose([.. g.Zip(u, (x, scale) => Gelu(x) * scale)], y);
            run.AssertClose([.. g.Select((x, i) => d[i] * u[i] * (Gelu(x + H) - Gelu(x - H)) / (2 * H))], dGate);
            run.AssertClose([.. g.Select((x, i) => d[i] * Gelu(x))], dUp);

            run.Backend.GeGluBackward(dy, gate, up, gate, up); // in place
            Assert.Equal(run.Doubles(dGate), run.Doubles(gate));
            Assert.Equal(run.Doubles(dUp), run.Doubles(up));
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void AdamW_OverThreeSteps_MatchesFp64(string device)
    {
        using var run = DeviceRun.On(device);
        var options = new AdamWOptions(WeightDecay: 0.1);
        foreach (int count in Counts)
        {
            Tensor weight = run.Normal(DType.Float32, 1, count), m = run.Zeros(DType.Float32, count), v = run.Zeros(DType.Float32, count);
            var expected = new AdamWReference(run.Doubles(weight), options);
            for (int t = 1; t <= 3; t++)
            {
                var gradient = run.Normal(DType.Float32, 1, count);
                run.Backend.AdamW(gradient, run.Floats(4f, 0.25f, 1f), run.Floats(expected.Schedule(0.01f)), options, weight, m, v);
                expected.Step(run.Doubles(gradient), clip: 0.25, learningRate: 0.01f);
            }

            // 1 − β₂ from an fp32 β₂ would be off by 1.3e-5.
            run.AssertClose(expected.M, m, 1e-6);
            run.AssertClose(expected.V, v, 1e-6);
            run.AssertClose(expected.Weight, weight, 1e-6);
        }
    }

    /// <summary>Gradients that are not finite, whose norm overflows, or whose squares would: none reaches the weights, clipped or
    /// not.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void AdamW_WritesNothing_WhereTheNormIsRefused(string device)
    {
        const int Count = 16385; // every thread, and the last element by itself
        using var run = DeviceRun.On(device);
        foreach (var (value, maxNorm, updates) in new[]
        {
            (float.NaN, 0.3f, false), (float.NaN, 0f, false), (float.PositiveInfinity, 0.3f, false), (float.NegativeInfinity, 0f, false),
            (float.MaxValue, 0.3f, false), (1e20f, 0f, false), (1e20f, 0.3f, true), (1e18f, 0f, true), (0f, 0f, true),
        })
        {
            Tensor weight = run.Normal(DType.Float32, 1, Count), m = run.Normal(DType.Float32, 1, Count);
            Tensor v = run.Zeros(DType.Float32, Count);
            double[][] before = [run.Doubles(weight), run.Doubles(m), run.Doubles(v)];
            double[] gradient = new double[Count];
            gradient[^1] = value;
            if (value == float.MaxValue) gradient[0] = value; // each is finite, the root of their squares is not
            Tensor dWeight = run.From(DType.Float32, gradient, Count), norm = run.New(DType.Float32, 3);

            run.Backend.GradientNorm([dWeight], maxNorm, scale: null, norm);
            run.Backend.AdamW(dWeight, norm, run.Floats(0.01f, 0.1f, 0.001f), new AdamWOptions(), weight, m, v);

            double[][] after = [run.Doubles(weight), run.Doubles(m), run.Doubles(v)];
            string what = $"{value} with max_grad_norm {maxNorm}";
            Assert.True(updates != after[0].SequenceEqual(before[0]), $"{what}: weights {(updates ? "stayed" : "changed")}");
            Assert.True(updates || (after[1].SequenceEqual(before[1]) && after[2].SequenceEqual(before[2])), $"{what}: moments changed");
            Assert.All(after, values => Assert.All(values, x => Assert.True(double.IsFinite(x), $"{what}: {x}")));
            Assert.Equal(updates, AdamWOptions.Takes((float)run.Doubles(norm)[2]));
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void GradientNorm_MatchesFp64_WithAndWithoutClipping(string device)
    {
        using var run = DeviceRun.On(device);
        Tensor[] gradients = [.. Counts.Select(count => run.Normal(DType.Float32, 1, count))];
        double norm = Math.Sqrt(gradients.Sum(gradient => run.Doubles(gradient).Sum(x => x * x)));
        foreach (var (maxNorm, clip) in new[] { (1f, 1 / (norm + 1e-6)), (0f, 1.0), (1e9f, 1.0) })
        {
            var result = run.New(DType.Float32, 3);
            run.Backend.GradientNorm(gradients, maxNorm, scale: null, result);
            double[] values = run.Doubles(result);
            Assert.Equal(1, values[0] / norm, 1e-6);
            Assert.Equal(1, values[1] / clip, 1e-6);
            Assert.Equal(1, values[2] / (norm * clip), 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void GradientNorm_WithAScale_IsThatOfTheTrueGradients(string device)
    {
        using var run = DeviceRun.On(device);
        Tensor[] gradients = [.. Counts.Select(count => run.Normal(DType.Float32, 1, count))];
        double norm = Math.Sqrt(gradients.Sum(gradient => run.Doubles(gradient).Sum(x => x * x))) / 32;
        foreach (var (maxNorm, clip) in new[] { (0.1f, 0.1f / (norm + 1e-6)), (0f, 1.0) })
        {
            var result = run.New(DType.Float32, 3);
            run.Backend.GradientNorm(gradients, maxNorm, run.Floats(1f / 32), result);
            double[] values = run.Doubles(result);
            Assert.Equal(1, values[0] / norm, 1e-6);
            Assert.Equal(1, values[1] / (clip / 32), 1e-6);
            Assert.Equal(1, values[2] / (norm * clip), 1e-6);
        }
    }
}
