namespace Lapidary.Engine.Distributed.Mpi;

/// <summary>Exchanges CPU tensors between processes.</summary>
/// <remarks>Libraries add in an order that depends on the library, the size and the number of ranks. So MPI only moves bytes, and sums are
/// added here in the order of ranks. They have the same bits with every library and with threads.</remarks>
internal sealed unsafe class MpiCommunicator : ICommunicator
{
    /// <summary>Bytes of each of the two buffers: few enough to stay in the caches, enough to hide the latency of a message.</summary>
    private const int BufferBytes = 2 << 20;

    private readonly RankGroup _ranks;
    private readonly MpiRuntime _mpi;
    private readonly MemoryRegion _region;
    private readonly byte* _sent, _received;
    private readonly int _partBytes;

    /// <summary>Allocates the buffers of all exchanges.</summary>
    /// <param name="ranks">MPI's ranks, in MPI's order.</param>
    /// <param name="mpi">Started, and not owned.</param>
    /// <param name="backend">The backend of the tensors, which are in host memory.</param>
    public MpiCommunicator(RankGroup ranks, MpiRuntime mpi, IBackend backend)
    {
        if (ranks.Rank != mpi.Rank || ranks.WorldSize != mpi.WorldSize)
        {
            throw new ArgumentException(
                $"The group has this as rank {ranks.Rank} of {ranks.WorldSize}, MPI as rank {mpi.Rank} of {mpi.WorldSize}.", nameof(ranks));
        }

        (_ranks, _mpi) = (ranks, mpi);
        _partBytes = Math.Max(64, (BufferBytes / ranks.WorldSize) & ~63);
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Exchange);
        _sent = (byte*)_region.Allocate((long)_partBytes * ranks.WorldSize);
        _received = (byte*)_region.Allocate((long)_partBytes * ranks.WorldSize);
    }

    /// <inheritdoc/>
    public RankGroup Ranks => _ranks;

    /// <inheritdoc/>
    public string Description => _mpi.Version;

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(AllReduce));
        using var waiting = _ranks.Waiting("an all-reduce");
        int world = _ranks.WorldSize;
        float* next = tensor.Pointer<float>();
        long left = tensor.Count;
        while (left >= world)
        {
            int part = (int)Math.Min(_partBytes / sizeof(float), left / world);
            SumAndShare(next, part);
            next += (nint)part * world;
            left -= (long)part * world;
        }

        if (left == 0) return;

        // Fewer elements than ranks: one each, filled up with zeros.
        var rest = new Span<float>(next, (int)left);
        var padded = new Span<float>(_sent, world);
        padded.Clear();
        rest.CopyTo(padded);
        SumAndShare((float*)_sent, 1);
        padded[..rest.Length].CopyTo(rest);
    }

    /// <inheritdoc/>
    public void ReduceScatter(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(ReduceScatter));
        using var waiting = _ranks.Waiting("a reduce-scatter");
        var mine = Shard.Of(tensor, _ranks.Rank, _ranks.WorldSize);
        byte* sums = (byte*)mine.Address;
        for (long at = 0; at < mine.LengthBytes; at += _partBytes)
        {
            int part = (int)Math.Min(_partBytes, mine.LengthBytes - at);
            for (int rank = 0; rank < _ranks.WorldSize; rank++)
                Copy((byte*)tensor.Address + rank * mine.LengthBytes + at, _sent + (nint)rank * part, part);
            _mpi.AllToAll(_sent, _received, part);
            RankSum.Of((float*)_received, _ranks.WorldSize, part / sizeof(float), (float*)(sums + at));
        }
    }

    /// <inheritdoc/>
    public void AllGather(Tensor tensor)
    {
        Exchanged.RequireWhole(tensor, nameof(AllGather));
        using var waiting = _ranks.Waiting("an all-gather");
        var mine = Shard.Of(tensor, _ranks.Rank, _ranks.WorldSize);
        for (long at = 0; at < mine.LengthBytes; at += _partBytes)
        {
            int part = (int)Math.Min(_partBytes, mine.LengthBytes - at);
            _mpi.AllGather((byte*)mine.Address + at, _received, part);
            for (int rank = 0; rank < _ranks.WorldSize; rank++)
            {
                if (rank != _ranks.Rank)
                    Copy(_received + (nint)rank * part, (byte*)tensor.Address + rank * mine.LengthBytes + at, part);
            }
        }
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        Exchanged.RequireWhole(tensor, nameof(Broadcast));
        using var waiting = _ranks.Waiting("a broadcast");
        _mpi.Broadcast(tensor.Address, tensor.LengthBytes, root);
    }

    /// <inheritdoc/>
    public void Dispose() => _region.Dispose();

    /// <summary>values = Σ over the ranks: each rank adds up one part, and sends it to all.</summary>
    /// <param name="values">A part for each rank.</param>
    /// <param name="part">Elements of a part.</param>
    private void SumAndShare(float* values, int part)
    {
        _mpi.AllToAll(values, _received, part * sizeof(float));
        RankSum.Of((float*)_received, _ranks.WorldSize, part, (float*)_received);
        _mpi.AllGather(_received, values, part * sizeof(float));
    }

    private static void Copy(byte* from, byte* to, long bytes) => Buffer.MemoryCopy(from, to, bytes, bytes);
}
