using Lapidary.Engine.Tests.Reference;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>The cache of several texts, and attention over it.</summary>
[Collection(nameof(DeviceRun))]
public class DeviceCachedAttentionTests
{
    /// <summary>Tokens, heads, kvHeads, headDim, window, capacity.</summary>
    public static IEnumerable<object[]> Cases => DeviceRun.Each(
        [1, 4, 1, 32, int.MaxValue, 8], [8, 4, 1, 32, int.MaxValue, 8], [100, 4, 2, 10, int.MaxValue, 100], [100, 2, 2, 34, 30, 30],
        [100, 2, 1, 34, 30, 64], [300, 4, 1, 256, int.MaxValue, 301], [300, 4, 1, 256, 200, 257], [140, 6, 1, 64, 100, 180],
        [150, 4, 2, 136, 70, 150], [90, 20, 1, 128, int.MaxValue, 90], [200, 4, 1, 256, 512, 200]);

    /// <summary>Heads, kvHeads, headDim.</summary>
    public static IEnumerable<object[]> HeadShapes => DeviceRun.Each([4, 1, 256], [2, 1, 128], [4, 4, 64], [3, 1, 34], [20, 1, 16]);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Attention_IsThatOfTheForwardPass(
        string device, int tokens, int heads, int kvHeads, int headDim, int window, int capacity)
    {
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(heads, kvHeads, headDim, window, 1 / MathF.Sqrt(headDim));
        Tensor q = run.Normal(1, tokens, heads * headDim), o = run.New(tokens, heads * headDim);
        Tensor k = run.Normal(1, tokens, kvHeads * headDim), v = run.Normal(1, tokens, kvHeads * headDim);
        Tensor keys = run.New(3, capacity, kvHeads * headDim), values = run.New(3, capacity, kvHeads * headDim);

        // In pieces, as many tokens at a time as the ring allows without losing what the first of them sees.
        int piece = capacity >= tokens ? tokens : capacity - Math.Min(window, capacity) + 1;
        for (int first = 0; first < tokens; first += piece)
        {
            int count = Math.Min(piece, tokens - first);
            Tensor slots = run.Ints([.. Enumerable.Repeat(1, count)]), positions = run.Ints([.. Enumerable.Range(first, count)]);
            run.Backend.KvAppend(k.Rows(first, count), v.Rows(first, count), slots, positions, keys, values);
            run.Backend.CachedAttention(q.Rows(first, count), slots, positions, keys, values, shape, o.Rows(first, count));
        }

        var expected = new AttentionReference(run.Doubles(q), run.Doubles(k), run.Doubles(v), new int[tokens], shape);
        run.AssertClose(expected.O, o);
    }

    /// <summary>Neighbours in a text share blocks; some of these numbers of rows leave a row's chunks to one block, others to several. The
    /// ring has wrapped.</summary>
    [Theory]
    [MemberData(nameof(HeadShapes))]
    public void Attention_OfARowOfAPrompt_HasTheSameBitsAloneAndAmongOthers(string device, int heads, int kvHeads, int headDim)
    {
        const int Window = 100, Capacity = 1400, First = 1350;
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(heads, kvHeads, headDim, Window, 1 / MathF.Sqrt(headDim));
        Tensor keys = run.Normal(1, 2, Capacity, kvHeads * headDim), values = run.Normal(1, 2, Capacity, kvHeads * headDim);
        int dim = heads * headDim;
        foreach (int rows in new[] { 5, 16, 50, 300, 1100 })
        {
            int[] slots = [.. Enumerable.Range(0, rows).Select(i => i < rows / 3 ? 0 : i < rows - 2 ? 1 : -1)];
            int[] positions = [.. Enumerable.Range(0, rows).Select(i => First + i - (slots[i] == 0 ? 0 : rows / 3))];
            Tensor q = run.Normal(1, rows, dim), together = run.New(rows, dim);
            run.Backend.CachedAttention(q, run.Ints(slots), run.Ints(positions), keys, values, shape, together);
            double[] all = run.Doubles(together);
            for (int row = 0; row < rows; row += rows > 50 ? 43 : 3)
            {
                Tensor alone = run.New(1, dim), slot = run.Ints(slots[row]), position = run.Ints(positions[row]);
                run.Backend.CachedAttention(q.Rows(row, 1), slot, position, keys, values, shape, alone);
                Assert.Equal(all[(row * dim)..((row + 1) * dim)], run.Doubles(alone));
            }
        }
    }

    /// <summary>So many rows that blocks take several chunks each, and partial results are formed for some of the rows at a time.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Attention_OfARow_HasTheSameBitsAloneAndAmongOthers(string device)
    {
        const int Texts = 3, Capacity = 3000, HeadDim = 64, Heads = 4;
        using var run = DeviceRun.On(device);
        var shape = new AttentionShape(Heads, 1, HeadDim, int.MaxValue, 0.2f);
        var random = new Random(3);
        foreach (int rows in new[] { 2, 7, 64, 700 })
        {
            int[] slots = [.. Enumerable.Range(0, rows).Select(i => i % 5 == 2 ? -1 : random.Next(Texts))];
            int[] positions = [.. Enumerable.Range(0, rows).Select(_ => random.Next(rows > 64 ? 200 : Capacity))];
            Tensor q = run.Normal(1, rows, Heads * HeadDim), together = run.New(rows, Heads * HeadDim);
            Tensor keys = run.Normal(1, Texts, Capacity, HeadDim), values = run.Normal(1, Texts, Capacity, HeadDim);
            run.Backend.CachedAttention(q, run.Ints(slots), run.Ints(positions), keys, values, shape, together);
            double[] all = run.Doubles(together);
            for (int row = 0; row < rows; row += rows > 64 ? 41 : 1)
            {
                Tensor alone = run.New(1, Heads * HeadDim), slot = run.Ints(slots[row]), position = run.Ints(positions[row]);
                run.Backend.CachedAttention(q.Rows(row, 1), slot, position, keys, values, shape, alone);
                double[] found = run.Doubles(alone);
                Assert.Equal(all[(row * Heads * HeadDim)..((row + 1) * Heads * HeadDim)], found);
                Assert.Equal(slots[row] < 0, found.All(value => value == 0));
            }
        }
    }

    [Theory]
    [InlineData("cpu", 3)]
    [InlineData("cpu", 16)]
    [InlineData("cuda", 3)]
    [InlineData("cuda", 16)]
    public void KvAppend_StoresTheTokensOfEachText_AndNothingElse(string device, int dim)
    {
        const int Texts = 3, Capacity = 5;
        using var run = DeviceRun.On(device);
        int[] slots = [1, -1, 0, 1, 2, -1, 2, 2], positions = [3, 0, 0, 4, 8, 2, 10, 9];
        Tensor k = run.Normal(1, slots.Length, dim), v = run.Normal(1, slots.Length, dim);
        Tensor keys = run.Normal(1, Texts, Capacity, dim), values = run.Normal(1, Texts, Capacity, dim);
        double[] expectedKeys = run.Doubles(keys), expectedValues = run.Doubles(values);
        double[] newKeys = run.Doubles(k), newValues = run.Doubles(v);
        for (int t = 0; t < slots.Length; t++)
        {
            if (slots[t] < 0) continue;
            int entry = slots[t] * Capacity + positions[t] % Capacity;
            newKeys.AsSpan(t * dim, dim).CopyTo(expectedKeys.AsSpan(entry * dim));
            newValues.AsSpan(t * dim, dim).CopyTo(expectedValues.AsSpan(entry * dim));
        }

        run.Backend.KvAppend(k, v, run.Ints(slots), run.Ints(positions), keys, values);

        Assert.Equal(expectedKeys, run.Doubles(keys));
        Assert.Equal(expectedValues, run.Doubles(values));
    }

    [Fact]
    public void Steps_AreCaptured_AndTakeOtherTexts()
    {
        const int Rows = 4, Capacity = 200, HeadDim = 32, Heads = 2;
        using var run = DeviceRun.On("cuda");
        var backend = run.Backend;
        var shape = new AttentionShape(Heads, 1, HeadDim, 70, 0.2f);
        Tensor q = run.Normal(1, Rows, Heads * HeadDim), k = run.Normal(1, Rows, HeadDim), v = run.Normal(1, Rows, HeadDim);
        Tensor keys = run.Normal(1, 3, Capacity, HeadDim), values = run.Normal(1, 3, Capacity, HeadDim);
        Tensor slots = run.Ints(0, 1, 2, -1), positions = run.Ints(10, 20, 30, 0), o = run.New(Rows, Heads * HeadDim);
        int[] otherSlots = [2, -1, 0, 1], otherPositions = [150, 0, 63, 199];
        void Step()
        {
            backend.KvAppend(k, v, slots, positions, keys, values);
            backend.CachedAttention(q, slots, positions, keys, values, shape, o);
        }

        Step();
        using var replay = backend.Capture(Step)!;
        replay.Run();
        backend.Write<int>(otherSlots, slots);
        backend.Write<int>(otherPositions, positions);
        replay.Run();
        double[] replayed = run.Doubles(o);
        Step();
        Assert.Equal(run.Doubles(o), replayed);
        Assert.All(replayed[(Heads * HeadDim)..(2 * Heads * HeadDim)], value => Assert.Equal(0, value));
        Assert.All(replayed, value => Assert.True(double.IsFinite(value)));
    }
}
