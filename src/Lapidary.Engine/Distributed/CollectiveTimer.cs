namespace Lapidary.Engine;

/// <summary>The exchanges that a training step makes.</summary>
public enum Collective
{
    /// <summary><see cref="ICommunicator.AllReduce"/>.</summary>
    AllReduce,

    /// <summary><see cref="ICommunicator.ReduceScatter"/>.</summary>
    ReduceScatter,

    /// <summary><see cref="ICommunicator.AllGather"/>.</summary>
    AllGather,
}

/// <summary>How long an exchange takes.</summary>
/// <param name="Collective">Which one.</param>
/// <param name="LengthBytes">Bytes of the whole tensor on each rank.</param>
/// <param name="Seconds">Time of one exchange on the slowest rank.</param>
/// <param name="BusBytesPerSecond">Bytes that the slowest link carries a second, as nccl-tests defines it: for n ranks, 2 (n − 1) / n of
/// the tensor in an all-reduce and (n − 1) / n in the others. It does not depend on n, and so compares with the link's speed.</param>
public readonly record struct CollectiveTime(Collective Collective, long LengthBytes, double Seconds, double BusBytesPerSecond);

/// <summary>Measures exchanges between ranks, as training makes them: reduce-scatter and all-gather are those of a divided tensor. All
/// ranks call it alike and get the same times.</summary>
/// <param name="communicator">Exchanges the tensors.</param>
/// <param name="backend">Holds them.</param>
/// <param name="clock">Measures.</param>
public sealed class CollectiveTimer(ICommunicator communicator, IBackend backend, TimeProvider clock)
{
    /// <summary>An odd number of rounds, of which the median counts.</summary>
    private const int Rounds = 5;

    /// <summary>Exchanges of a round: enough for a stable time, few where each is long.</summary>
    private const int MostRepeats = 20, FewestRepeats = 3;

    private const long BytesOfARound = 1L << 30;

    /// <summary>An exchange that takes longer, as between CPUs, is measured by fewer rounds of one.</summary>
    private const double LongSeconds = 0.5;

    private const int RoundsOfLong = 3;

    private RankGroup Ranks => communicator.Ranks;

    /// <summary>Times one kind of exchange.</summary>
    /// <param name="collective">Which one.</param>
    /// <param name="lengthBytes">Bytes of the tensor of fp32 values; rounded up until it divides among the ranks.</param>
    public CollectiveTime Time(Collective collective, long lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengthBytes);
        long unit = sizeof(float) * Ranks.WorldSize;
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Exchange);
        var tensor = region.New("exchanged", DType.Float32, (lengthBytes + unit - 1) / unit * Ranks.WorldSize);
        using var divided = communicator.Divide(tensor);
        int repeats = (int)Math.Clamp(BytesOfARound / tensor.LengthBytes, FewestRepeats, MostRepeats);
        _ = RoundOf(collective, tensor, divided, repeats: 2); // warms up
        double first = RoundOf(collective, tensor, divided, repeats: 1); // the same on all ranks
        var (rounds, times) = first > LongSeconds ? (RoundsOfLong, 1) : (Rounds, repeats);
        double[] seconds = [.. Enumerable.Range(0, rounds).Select(_ => RoundOf(collective, tensor, divided, times)).Order()];
        double median = seconds[rounds / 2];
        return new CollectiveTime(
            collective, tensor.LengthBytes, median, BusFactor(collective, Ranks.WorldSize) * tensor.LengthBytes / median);
    }

    /// <summary>The part of a tensor's bytes that crosses the slowest link: bus bandwidth = factor · bytes / seconds.</summary>
    public static double BusFactor(Collective collective, int worldSize)
    {
        double others = (worldSize - 1) / (double)worldSize;
        return collective == Collective.AllReduce ? 2 * others : others;
    }

    /// <summary>Seconds of one of several exchanges, on the slowest rank.</summary>
    private double RoundOf(Collective collective, Tensor tensor, IDividedTensor divided, int repeats)
    {
        backend.Synchronize();
        _ = Ranks.Gather([]); // all begin together
        long start = clock.GetTimestamp();
        for (int i = 0; i < repeats; i++) Exchange(collective, tensor, divided);
        backend.Synchronize();
        double mine = Math.Max(clock.GetElapsedTime(start).TotalSeconds, 1e-9) / repeats;
        return Ranks.Gather(BitConverter.GetBytes(mine)).Max(bytes => BitConverter.ToDouble(bytes));
    }

    private void Exchange(Collective collective, Tensor tensor, IDividedTensor divided)
    {
        if (collective == Collective.AllReduce)
        {
            communicator.AllReduce(tensor);
            return;
        }

        if (collective == Collective.ReduceScatter)
        {
            divided.ReduceScatter();
            return;
        }

        divided.BeginGather();
        divided.EndGather();
    }
}
