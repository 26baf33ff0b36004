using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>What every communicator must do. Each rank runs the same body, on a communicator and a backend of its own.</summary>
/// <param name="communicator">Of this rank.</param> <param name="backend">Of this rank.</param>
/// <param name="inRankOrder">Whether sums are formed in the ranks' order, to the bit; otherwise within a tolerance.</param>
internal sealed class CollectiveBodies(ICommunicator communicator, IBackend backend, bool inRankOrder)
{
    /// <summary>Fewer than ranks, odd, on both sides of a vector, of a message, and of the buffers of an exchange.</summary>
    private static readonly int[] Counts = [1, 2, 3, 5, 64, 67, 4801, 530_003];

    private const int MaxRanks = 8;

    private static readonly ConcurrentDictionary<int, float[]> Numbers = [];

    private static readonly Dictionary<string, Action<CollectiveBodies>> All = new()
    {
        [nameof(AllReduce_IsTheSum)] = bodies => bodies.AllReduce_IsTheSum(),
        [nameof(AllReduce_KeepsSpecialValues)] = bodies => bodies.AllReduce_KeepsSpecialValues(),
        [nameof(AllReduce_OfAView_LeavesTheRestAlone)] = bodies => bodies.AllReduce_OfAView_LeavesTheRestAlone(),
        [nameof(Sums_HaveTheSameBits_EachTimeAndOnEveryRank)] = bodies => bodies.Sums_HaveTheSameBits_EachTimeAndOnEveryRank(),
        [nameof(ReduceScatter_IsTheOwnPartOfTheSum)] = bodies => bodies.ReduceScatter_IsTheOwnPartOfTheSum(),
        [nameof(AllGather_IsEveryPart)] = bodies => bodies.AllGather_IsEveryPart(),
        [nameof(Broadcast_IsTheRootsTensor)] = bodies => bodies.Broadcast_IsTheRootsTensor(),
        [nameof(Divided_ReduceScatter_IsTheOwnPartOfTheSum)] = bodies => bodies.Divided_ReduceScatter_IsTheOwnPartOfTheSum(),
        [nameof(Divided_Gather_BringsRowsFirst_ThenEveryPart)] = bodies => bodies.Divided_Gather_BringsRowsFirst_ThenEveryPart(),
        [nameof(UnequalParts_AreRefused)] = bodies => bodies.UnequalParts_AreRefused(),
    };

    /// <summary>The bodies' names.</summary>
    public static IReadOnlyCollection<string> Names => All.Keys;

    private int Rank => communicator.Ranks.Rank;

    private int World => communicator.Ranks.WorldSize;

    /// <summary>Runs one body.</summary>
    public void Run(string name) => All[name](this);

    private void AllReduce_IsTheSum()
    {
        foreach (int count in Counts)
        {
            using var region = NewRegion();
            var tensor = Given(region, count, Values(Rank, count));
            communicator.AllReduce(tensor);
            AssertIsSum(count, first: 0, Taken(tensor));
        }
    }

    /// <summary>−0 stays −0 (no sum starts from 0), infinities and NaN come through, and subnormal numbers are not lost.</summary>
    private void AllReduce_KeepsSpecialValues()
    {
        float subnormal = BitConverter.Int32BitsToSingle(3);
        using var region = NewRegion();
        var tensor = Given(region, 5, [
            -0f, Rank == 0 ? float.PositiveInfinity : 1, Rank == World - 1 ? float.NaN : 1, subnormal, Rank == 0 ? float.MaxValue : 0]);
        communicator.AllReduce(tensor);
        float[] sum = Taken(tensor);
        Assert.Equal(BitConverter.SingleToInt32Bits(-0f), BitConverter.SingleToInt32Bits(sum[0]));
        Assert.Equal(float.PositiveInfinity, sum[1]);
        Assert.True(float.IsNaN(sum[2]));
        Assert.Equal(3 * World, BitConverter.SingleToInt32Bits(sum[3]));
        Assert.Equal(float.MaxValue, sum[4]);
    }

    private void AllReduce_OfAView_LeavesTheRestAlone()
    {
        using var region = NewRegion();
        float[] mine = Values(Rank, 999);
        var tensor = Given(region, 999, mine);
        communicator.AllReduce(tensor.Rows(100, 333));
        float[] result = Taken(tensor);
        Assert.Equal(mine[..100], result[..100]);
        AssertIsSum(999, first: 100, result[100..433]);
        Assert.Equal(mine[433..], result[433..]);
    }

    private void Sums_HaveTheSameBits_EachTimeAndOnEveryRank()
    {
        foreach (int count in Counts)
        {
            using var region = NewRegion();
            float[]? first = null;
            for (int repeat = 0; repeat < 3; repeat++)
            {
                var tensor = Given(region, count, Values(Rank, count));
                communicator.AllReduce(tensor);
                float[] sum = Taken(tensor);
                AssertSameBits(first ??= sum, sum);
                communicator.Broadcast(tensor, root: World - 1);
                AssertSameBits(sum, Taken(tensor));
            }
        }
    }

    private void ReduceScatter_IsTheOwnPartOfTheSum()
    {
        foreach (int part in Counts)
        {
            using var region = NewRegion();
            var tensor = Given(region, part * World, Values(Rank, part * World));
            communicator.ReduceScatter(tensor);
            AssertIsSum(part * World, Rank * part, Taken(Shard.Of(tensor, Rank, World)));
        }
    }

    private void AllGather_IsEveryPart()
    {
        foreach (DType dtype in (DType[])[DType.Float32, DType.BFloat16, DType.UInt8, DType.Int64])
        {
            foreach (int part in Counts)
            {
                using var region = NewRegion();
                var tensor = region.New("gathered", dtype, World, part);
                var mine = Shard.Of(tensor, Rank, World);
                backend.Write(Bytes(Rank, mine.LengthBytes), mine);
                communicator.AllGather(tensor);
                byte[] all = TakenBytes(tensor);
                int length = (int)mine.LengthBytes;
                for (int rank = 0; rank < World; rank++)
                    Assert.True(all.AsSpan(rank * length, length).SequenceEqual(Bytes(rank, length)));
            }
        }
    }

    private void Broadcast_IsTheRootsTensor()
    {
        foreach (DType dtype in (DType[])[DType.Float32, DType.BFloat16, DType.UInt8])
        {
            foreach (int count in Counts)
            {
                using var region = NewRegion();
                var tensor = region.New("sent", dtype, count);
                for (int root = 0; root < World; root++)
                {
                    backend.Write(Bytes(Rank, tensor.LengthBytes), tensor);
                    communicator.Broadcast(tensor, root);
                    Assert.True(TakenBytes(tensor).AsSpan().SequenceEqual(Bytes(root, tensor.LengthBytes)));
                }
            }
        }
    }

    private void Divided_ReduceScatter_IsTheOwnPartOfTheSum()
    {
        foreach (int part in Counts)
        {
            using var region = NewRegion();
            Tensor tensor = region.New("exchanged", DType.Float32, part * World), other = region.New("other", DType.Float32, 1);
            using var divided = communicator.Divide(tensor);
            for (int repeat = 0; repeat < 3; repeat++)
            {
                backend.Write<float>(Values(Rank, part * World), tensor); // also the parts that others have read
                divided.ReduceScatter();
                AssertIsSum(part * World, Rank * part, Taken(Shard.Of(tensor, Rank, World)));
                communicator.AllReduce(other);
            }
        }
    }

    /// <summary>Rows lie within a part, on both sides of its end, and outside of the tensor; the last rank needs none. Each round has
    /// other values, so that nothing of the round before goes unseen.</summary>
    private void Divided_Gather_BringsRowsFirst_ThenEveryPart()
    {
        foreach (int part in Counts)
        {
            foreach (int columns in (int[])[1, 3, 8])
            {
                using var region = NewRegion();
                Tensor tensor = region.New("exchanged", DType.Float32, part * World), ids = region.New("ids", DType.Int32, 7);
                var other = region.New("other", DType.Float32, 1);
                int rows = (part * World + columns - 1) / columns;
                int[] wanted = [0, rows - 1, part / columns, rows, -1, int.MaxValue, 0];
                backend.Write<int>(wanted, ids);
                using var divided = communicator.Divide(tensor);
                for (int round = 0; round < 3; round++)
                {
                    float ValueOf(int i) => OfRank(i / part)[i] + round;
                    float[] mine = Values(Rank, part * World);
                    for (int i = 0; i < mine.Length; i++) mine[i] = i / part == Rank ? mine[i] + round : -1;
                    backend.Write<float>(mine, tensor);
                    divided.BeginGather();
                    if (Rank < World - 1 || World == 1)
                    {
                        divided.FetchRows(ids, columns);
                        float[] early = Taken(tensor);
                        foreach (int id in wanted)
                        {
                            for (long i = (long)id * columns; i >= 0 && i < Math.Min(early.Length, (id + 1L) * columns); i++)
                                Assert.Equal(ValueOf((int)i), early[i]);
                        }
                    }

                    divided.EndGather();
                    float[] all = Taken(tensor);
                    for (int i = 0; i < all.Length; i++) if (all[i] != ValueOf(i)) Assert.Fail($"element {i} of round {round}: {all[i]}");
                    communicator.AllReduce(other);
                }
            }
        }
    }

    private void UnequalParts_AreRefused()
    {
        if (World == 1) return;
        using var region = NewRegion();
        var tensor = region.New("odd", DType.Float32, World + 1);
        Assert.Throws<ShapeException>(() => communicator.ReduceScatter(tensor));
        Assert.Throws<ShapeException>(() => communicator.AllGather(tensor));
    }

    private MemoryRegion NewRegion() => new(backend.Memory, MemoryOwner.Gradients);

    private Tensor Given(MemoryRegion region, int count, float[] values)
    {
        var tensor = region.New("exchanged", DType.Float32, count);
        backend.Write<float>(values, tensor);
        return tensor;
    }

    private float[] Taken(Tensor tensor) => MemoryMarshal.Cast<byte, float>(TakenBytes(tensor)).ToArray();

    private byte[] TakenBytes(Tensor tensor)
    {
        byte[] bytes = new byte[tensor.LengthBytes];
        backend.Read(tensor, bytes.AsSpan());
        return bytes;
    }

    /// <summary>Compares with the sum of all ranks' values from <paramref name="first"/> on.</summary>
    private void AssertIsSum(int count, int first, float[] actual)
    {
        float[] sum = new float[actual.Length];
        double[] exact = new double[actual.Length], magnitude = new double[actual.Length];
        for (int rank = 0; rank < World; rank++)
        {
            var values = Values(rank, count).AsSpan(first, actual.Length);
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] = rank == 0 ? values[i] : sum[i] + values[i];
                exact[i] += values[i];
                magnitude[i] += Math.Abs((double)values[i]);
            }
        }

        if (inRankOrder) AssertSameBits(sum, actual);

        // Each of world − 1 additions, in any order, rounds to within 2⁻²⁴ of no more than the sum of magnitudes.
        double worst = 0;
        for (int i = 0; i < actual.Length; i++) worst = Math.Max(worst, Math.Abs(actual[i] - exact[i]) / magnitude[i]);
        Assert.InRange(worst, 0, World * Math.ScaleB(1, -24));
    }

    private static void AssertSameBits(float[] expected, float[] actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(actual.AsSpan())), "the bits differ");

    private static float[] Values(int rank, int count) => OfRank(rank).AsSpan(0, count).ToArray();

    private static ReadOnlySpan<byte> Bytes(int rank, long count) => MemoryMarshal.AsBytes(OfRank(rank).AsSpan())[..(int)count];

    /// <summary>A rank's values: of very different sizes, so that every order of adding has bits of its own.</summary>
    private static float[] OfRank(int rank) => Numbers.GetOrAdd(rank, static rank =>
    {
        var random = new Random(1000 + rank);
        float[] values = new float[MaxRanks * Counts[^1]];
        foreach (ref float value in values.AsSpan()) value = (random.NextSingle() - 0.5f) * (1 << random.Next(12));
        return values;
    });
}
