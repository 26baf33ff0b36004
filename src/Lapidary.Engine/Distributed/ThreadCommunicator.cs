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
    public IDividedTensor Divide(Tensor tensor) => new ThreadTensor(this, ranks, tensor);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Addresses of all ranks' tensors.</summary>
    public nint[] AllOf(Tensor tensor) =>
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

/// <summary>A divided tensor of <see cref="ThreadCommunicator"/>. The parts of other ranks come as late as <see cref="IDividedTensor"/>
/// allows, and are NaN until then, so that work that reads them too early shows without GPUs.</summary>
internal sealed unsafe class ThreadTensor(ThreadCommunicator communicator, ThreadGroup ranks, Tensor tensor) : IDividedTensor
{
    private readonly long _part = Shard.Of(tensor, ranks.Rank, ranks.WorldSize).Count;

    /// <summary>Addresses of all ranks' tensors while a gather goes on.</summary>
    private nint[]? _all;

    /// <inheritdoc/>
    public void ReduceScatter() => communicator.ReduceScatter(tensor);

    /// <inheritdoc/>
    public void BeginGather()
    {
        _all = communicator.AllOf(tensor);
        var values = tensor.AsSpan<float>();
        int part = checked((int)_part), own = part * ranks.Rank;
        values[..own].Fill(float.NaN);
        values[(own + part)..].Fill(float.NaN);
    }

    /// <inheritdoc/>
    public void FetchRows(Tensor ids, int columns)
    {
        if (_all is null) throw new InvalidOperationException("No gather has begun.");
        foreach (int id in ids.AsSpan<int>())
        {
            long first = Math.Max(0, (long)id * columns), end = Math.Min(((long)id + 1) * columns, tensor.Count);
            for (long i = first; i < end; i++)
                if (i / _part is var owner && owner != ranks.Rank) tensor.Pointer<float>()[i] = ((float*)_all[owner])[i];
        }
    }

    /// <inheritdoc/>
    public void EndGather()
    {
        if (_all is null) return;
        _all = null;
        communicator.AllGather(tensor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
