namespace Lapidary.Engine.Distributed;

/// <summary>Exchanges tensors in host memory between threads; sums are added in the order of ranks. For tests: threads of one process share
/// one CPU, which a single rank uses better.</summary>
internal sealed unsafe class ThreadCommunicator(ThreadGroup ranks) : ICommunicator
{
    /// <inheritdoc/>
    public RankGroup Ranks => ranks;

    /// <inheritdoc/>
    public string Description => "threads";

    private int Rank => ranks.Rank;

    private int WorldSize => ranks.WorldSize;

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(AllReduce));
        float[] sum = SumOf(AllOf(tensor), first: 0, tensor.Count);
        ranks.Meet();
        sum.CopyTo(new Span<float>(tensor.Pointer<float>(), sum.Length));
        ranks.Meet();
    }

    /// <inheritdoc/>
    public void ReduceScatter(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(ReduceScatter));
        var mine = Shard.Of(tensor, Rank, WorldSize);
        float[] sum = SumOf(AllOf(tensor), Rank * mine.Count, mine.Count);
        ranks.Meet();
        sum.CopyTo(new Span<float>(mine.Pointer<float>(), sum.Length));
        ranks.Meet();
    }

    /// <inheritdoc/>
    public void AllGather(Tensor tensor)
    {
        Exchanged.RequireWhole(tensor, nameof(AllGather));
        long part = Shard.Of(tensor, Rank, WorldSize).LengthBytes;
        nint[] all = AllOf(tensor);
        for (int rank = 0; rank < WorldSize; rank++)
            if (rank != Rank) Copy(all[rank] + (nint)(rank * part), tensor.Address + (nint)(rank * part), part);
        ranks.Meet();
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        Exchanged.RequireWhole(tensor, nameof(Broadcast));
        nint[] all = AllOf(tensor);
        if (root != Rank) Copy(all[root], tensor.Address, tensor.LengthBytes);
        ranks.Meet();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Addresses of all ranks' tensors.</summary>
    private nint[] AllOf(Tensor tensor) =>
        [.. ranks.Gather(BitConverter.GetBytes((long)tensor.Address)).Select(bytes => (nint)BitConverter.ToInt64(bytes))];

    private static float[] SumOf(nint[] all, long first, long count)
    {
        var sum = new Span<float>((float*)all[0] + first, checked((int)count)).ToArray();
        foreach (nint address in all.AsSpan(1))
            for (int i = 0; i < sum.Length; i++) sum[i] += ((float*)address)[first + i];
        return sum;
    }

    private static void Copy(nint from, nint to, long bytes) => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
}
