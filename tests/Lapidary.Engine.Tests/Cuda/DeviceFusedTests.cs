using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Operations of generation that do the work of several others: with the same bits.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceFusedTests
{
    private const float Epsilon = 1e-6f;

    public static IEnumerable<object[]> Kinds => DeviceRun.Each([.. Enum.GetValues<WeightKind>().Select(kind => (object[])[kind])]);

    public static IEnumerable<object[]> Types => DeviceRun.Each([DType.Float32], [DType.BFloat16], [DType.Float16]);

    /// <summary>Heads, kvHeads, headDim.</summary>
    public static IEnumerable<object[]> Heads =>
        DeviceRun.Each([4, 1, 256], [8, 4, 256], [2, 1, 128], [4, 4, 64], [3, 1, 34], [2, 2, 2]);

    /// <summary>Heads, kvHeads, headDim, window: with a kernel of their own or without.</summary>
    public static IEnumerable<object[]> AttentionShapes => DeviceRun.Each(
        [4, 1, 256, 140], [4, 1, 256, int.MaxValue], [4, 2, 256, 64], [4, 2, 128, 130], [6, 1, 128, int.MaxValue], [8, 1, 128, 90],
        [2, 1, 34, 90]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ProjectRowsGated_IsProductsAndActivation(string device, WeightKind kind)
    {
        using var run = DeviceRun.On(device);
        foreach (var (dim, outDim, r) in new[] { (1152, 40, 0), (1152, 4100, 0), (2304, 57, 0), (640, 4097, 4), (96, 1, 0), (77, 12, 0) })
        {
            TestMatrix[] matrices = [TestMatrix.Create(kind, outDim, dim, 1), TestMatrix.Create(kind, outDim, dim, 2)];
            Projection[] layers = [.. matrices.Select(matrix => DeviceProjectRowsTests.Layer(run, run.Import(matrix.Tensor), r))];
            foreach (int rows in new[] { 1, 8, 9, 33, 64, 75 })
            {
                Tensor x = run.Normal(1, rows, dim), y = run.New(rows + 1, outDim), expected = run.New(rows, outDim);
                Tensor gate = run.New(rows, outDim), up = run.New(rows, outDim), gateY = run.New(rows, outDim), upY = run.New(rows, outDim);
                run.Backend.ProjectRows(x, layers, [gate, up]);
                run.Backend.GeGluForward(gate, up, expected);
                run.Backend.ProjectRowsGated(x, layers[0], layers[1], gateY, upY, y.Rows(0, rows));
                Assert.Equal(run.Doubles(expected), run.Doubles(y.Rows(0, rows)));
                Assert.All(run.Doubles(y.Rows(rows, 1)), value => Assert.Equal(double.NaN, value));
            }

            foreach (var matrix in matrices) matrix.Dispose();
        }
    }

    /// <summary>Rows that a thread takes at once or not, and longer ones than it keeps.</summary>
    [Theory]
    [MemberData(nameof(Types))]
    public void RmsNormPair_IsTwoNorms(string device, DType type)
    {
        const int Rows = 3;
        using var run = DeviceRun.On(device);
        foreach (int dim in new[] { 1, 7, 8, 640, 1151, 1152, 2049, 2056, 2560, 5376, 6152 })
        {
            Tensor x = run.NormalWide(3, Rows, dim), residual = run.NormalWide(1, Rows, dim), rstd = run.New(DType.Float32, Rows);
            Tensor weight = run.Normal(type, 0.5, dim), nextWeight = run.Normal(DType.BFloat16, 0.5, dim);
            Tensor h = run.NewWide(Rows, dim), y = run.New(Rows, dim), expectedH = run.NewWide(Rows, dim), expectedY = run.New(Rows, dim);
            run.Backend.RmsNormForward(x, weight, residual, Epsilon, expectedH, rstd);
            run.Backend.RmsNormForward(expectedH, nextWeight, null, Epsilon, expectedY, rstd);
            run.Backend.RmsNormPair(x, weight, residual, nextWeight, Epsilon, h, y, rstd);
            Assert.Equal(run.Doubles(expectedH), run.Doubles(h));
            Assert.Equal(run.Doubles(expectedY), run.Doubles(y));
        }
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void QkvToCache_IsNormsRotationAndAppend(string device, int heads, int kvHeads, int headDim)
    {
        const int Texts = 3, Capacity = 5;
        using var run = DeviceRun.On(device);
        int[] texts = [1, -1, 0, 1, 2, -1, 2, 2], places = [3, 0, 0, 4, 8, 2, 10, 9];
        int tokens = texts.Length, half = headDim / 2;
        Tensor slots = run.Ints(texts), positions = run.Ints(places);
        var rope = new RotaryTable(run.New(DType.Float32, tokens, half), run.New(DType.Float32, tokens, half));
        run.Backend.RopeTable(positions, run.Floats([.. Enumerable.Range(0, half).Select(j => 1f / (j + 1))]), rope.Cos, rope.Sin);
        var norms = new QkNorms(run.Normal(0.5, headDim), run.Normal(DType.Float32, 0.5, headDim), Epsilon);
        Tensor q = run.Normal(2, tokens, heads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor k = run.Normal(2, tokens, kvHeads * headDim), rotated = run.New(tokens, kvHeads * headDim);
        Tensor expectedQ = run.New(tokens, heads * headDim), rstd = run.New(DType.Float32, tokens * Math.Max(heads, kvHeads));
        var (keys, values) = Cache();
        var (expectedKeys, expectedValues) = Cache();

        run.Backend.QkNormRopeForward(q, norms.Q, rope.Cos, rope.Sin, Epsilon, expectedQ, rstd.Rows(0, tokens * heads));
        run.Backend.QkNormRopeForward(k, norms.K, rope.Cos, rope.Sin, Epsilon, rotated, rstd.Rows(0, tokens * kvHeads));
        run.Backend.KvAppend(rotated, v, slots, positions, expectedKeys, expectedValues);
        run.Backend.QkvToCache(q, k, v, norms, rope, slots, positions, keys, values, rstd);

        Assert.Equal(run.Doubles(expectedQ), run.Doubles(q));
        Assert.Equal(run.Doubles(expectedKeys), run.Doubles(keys));
        Assert.Equal(run.Doubles(expectedValues), run.Doubles(values));

        (Tensor Keys, Tensor Values) Cache() =>
            (run.New(Texts, Capacity, kvHeads * headDim), run.New(Texts, Capacity, kvHeads * headDim));
    }

    /// <summary>Rows with texts of their own, neighbours in one text, rows of one text that are apart, and rows without a token. With few
    /// rows several blocks share each. Some rings have wrapped.</summary>
    [Theory]
    [MemberData(nameof(AttentionShapes))]
    public void QkvAttention_IsQkvToCacheAndCachedAttention(string device, int heads, int kvHeads, int headDim, int window)
    {
        const int Capacity = 150;
        using var run = DeviceRun.On(device);
        var random = new Random(5);
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        var norms = new QkNorms(run.Normal(0.5, headDim), run.Normal(DType.Float32, 0.5, headDim), Epsilon);
        var frequencies = run.Floats([.. Enumerable.Range(0, headDim / 2).Select(j => 1f / (j + 1))]);
        foreach (var (rows, rowsOfAText) in new[] { (1, 1), (3, 1), (9, 3), (40, 3), (150, 2) })
        {
            int texts = (rows + rowsOfAText - 1) / rowsOfAText, longest = window < Capacity ? 700 : Capacity - rowsOfAText;
            int[] firsts = [.. Enumerable.Range(0, texts).Select(_ => random.Next(longest))], order = [.. Enumerable.Range(0, rows)];
            if (rows > 9) random.Shuffle(order);
            int[] slots = [.. order.Select(i => i % 11 == 5 ? -1 : i / rowsOfAText)];
            int[] positions = [.. order.Select(i => firsts[i / rowsOfAText] + (i % rowsOfAText))];
            Tensor slot = run.Ints(slots), position = run.Ints(positions), rstd = run.New(DType.Float32, rows * heads);
            Tensor o = run.New(rows, heads * headDim), expected = run.New(rows, heads * headDim);
            var rope = new RotaryTable(run.New(DType.Float32, rows, headDim / 2), run.New(DType.Float32, rows, headDim / 2));
            run.Backend.RopeTable(position, frequencies, rope.Cos, rope.Sin);
            var (q, k, v) = (run.Normal(2, rows, heads * headDim), Normal(2, rows), Normal(1, rows));
            var (sameQ, sameK) = (Copy(q), Copy(k));
            var (keys, values) = (Normal(1, texts, Capacity), Normal(1, texts, Capacity));
            var (expectedKeys, expectedValues) = (Copy(keys), Copy(values));

            run.Backend.QkvToCache(sameQ, sameK, v, norms, rope, slot, position, expectedKeys, expectedValues, rstd);
            run.Backend.CachedAttention(sameQ, slot, position, expectedKeys, expectedValues, shape, expected);
            run.Backend.QkvAttention(q, k, v, norms, rope, slot, position, keys, values, shape, o, rstd);

            Assert.Equal(run.Doubles(expected), run.Doubles(o));
            Assert.Equal(run.Doubles(expectedKeys), run.Doubles(keys));
            Assert.Equal(run.Doubles(expectedValues), run.Doubles(values));
        }

        Tensor Normal(double deviation, params long[] shape) => run.Normal(deviation, [.. shape, kvHeads * headDim]);

        Tensor Copy(Tensor x) => run.From(x.DType, run.Doubles(x), [.. x.Shape]);
    }
}
