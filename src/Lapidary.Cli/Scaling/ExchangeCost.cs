namespace Lapidary.Cli.Scaling;

/// <summary>The time of exchanges between ranks. Bytes go round a ring: 2 · (n − 1) / n of them through each link for an all-reduce, half
/// of that for a reduce-scatter or an all-gather. A ring crosses each node once each way, so its slowest link counts.</summary>
/// <remarks>
/// <para>Small exchanges use a protocol that starts sooner and has half the bandwidth, as in NCCL. The two start times and the bandwidth
/// come from two H200 connected by NVLink: 0.064, 0.257 and 3.9 ms for all-reduces of 0.3, 52 and 1,267 MB.</para>
/// <para>Times for the hops of further ranks are estimates. From <see cref="MaxHopSeconds"/> on, the library uses trees, not rings.</para>
/// </remarks>
/// <param name="Ranks">Number of ranks.</param>
/// <param name="Nodes">Number of machines.</param>
/// <param name="BytesPerSecond">Bus bandwidth of large exchanges.</param>
internal sealed record ExchangeCost(int Ranks, int Nodes, double BytesPerSecond)
{
    private const double SmallStartSeconds = 62e-6, StartSeconds = 101e-6;

    private const double SmallShare = 0.5;

    private const double HopSeconds = 2e-6, NodeHopSeconds = 8e-6, MaxHopSeconds = 1e-3;

    /// <summary>Most ranks that read each other's memory, as the engine has it.</summary>
    private const int MostPeers = 16;

    /// <summary>Hops of an all-reduce that the two start times include.</summary>
    private const int MeasuredHops = 2;

    /// <summary>Whether the ranks are threads of one process whose GPUs read each other's memory: a trained table is gathered beside the
    /// next step's layers. Otherwise, as with processes, it is gathered before the step.</summary>
    public bool GathersBeside { get; init; }

    /// <summary>The cost over a link. Ranks of one machine that NVLink connects are taken for threads of one process.</summary>
    public static ExchangeCost Of(int ranks, int ranksPerNode, Link link)
    {
        int nodes = NodesOf(ranks, ranksPerNode);
        return new(ranks, nodes, link.BytesPerSecondOf(ranks)) { GathersBeside = nodes == 1 && link == Link.NvLink && ranks <= MostPeers };
    }

    /// <summary>The cost between ranks from one timed all-reduce, which must be large, so that its start counts little.</summary>
    /// <param name="ranks">Number of ranks, 2 or more.</param>
    /// <param name="nodes">Machines.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="seconds">Its time.</param>
    public static ExchangeCost Measured(int ranks, int nodes, long bytes, double seconds)
    {
        var start = new ExchangeCost(ranks, nodes, double.PositiveInfinity);
        double moving = Math.Max(seconds - StartSeconds - start.FurtherHops(2), seconds / 2);
        return start with { BytesPerSecond = 2 * start.Share * bytes / moving };
    }

    /// <summary>Machines needed for a number of ranks.</summary>
    public static int NodesOf(int ranks, int ranksPerNode) => (ranks + ranksPerNode - 1) / ranksPerNode;

    /// <summary>Σ over the ranks' tensors, for every rank.</summary>
    /// <param name="bytes">Of the tensor.</param>
    public double AllReduceSeconds(long bytes) => Seconds(bytes, rounds: 2);

    /// <summary>Σ over the ranks' tensors; each rank gets its part.</summary>
    /// <param name="bytes">Of the whole tensor.</param>
    public double ReduceScatterSeconds(long bytes) => Seconds(bytes, rounds: 1);

    /// <summary>Each rank's part, for every rank.</summary>
    /// <param name="bytes">Of the whole tensor.</param>
    public double AllGatherSeconds(long bytes) => Seconds(bytes, rounds: 1);

    /// <summary>Bytes that each rank sends for an all-reduce of a given size.</summary>
    public double SentBytes(long bytes) => 2 * Share * bytes;

    private double Share => (Ranks - 1) / (double)Ranks;

    private double Seconds(long bytes, int rounds)
    {
        if (Ranks == 1 || bytes == 0) return 0;
        double moving = rounds * Share * bytes / BytesPerSecond;
        return FurtherHops(rounds) + Math.Min(SmallStartSeconds + moving / SmallShare, StartSeconds + moving);
    }

    private double FurtherHops(int rounds)
    {
        int hops = Math.Max(0, rounds * (Ranks - 1) - MeasuredHops);
        return Math.Min(hops * (Nodes == 1 ? HopSeconds : NodeHopSeconds), MaxHopSeconds);
    }
}
