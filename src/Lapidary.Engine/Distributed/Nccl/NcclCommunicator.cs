using System.Runtime.CompilerServices;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Distributed.Peers;
using Lapidary.Formats;
using static Lapidary.Engine.Distributed.Nccl.NcclApi;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>Exchanges tensors between GPUs, in place and on the backend's stream.</summary>
/// <remarks>
/// <para>Exchanges are not captured. A captured exchange would tie all ranks to the same graphs, but each rank captures when its own shapes
/// occur. Queueing an exchange takes a few microseconds, and the host does not wait.</para>
/// <para>One communicator for a device, used by one thread at a time. It is disposed before its backend.</para>
/// </remarks>
internal sealed unsafe class NcclCommunicator : ICommunicator
{
    private readonly CudaRuntime _runtime;
    private readonly int _rank;
    private readonly int _worldSize;
    private nint _comm;
    private PeerLinks? _peers;
    private bool _failed;

    /// <summary>Connects the ranks, all of which call this, and tries every exchange. Free memory measured afterwards no longer includes
    /// NCCL's.</summary>
    /// <exception cref="LapidaryException">NCCL is missing or too old, two ranks are on one GPU, GPUs or versions differ, or NCCL fails.
    /// All but the last are the same on every rank.</exception>
    public NcclCommunicator(RankGroup ranks, CudaBackend backend)
    {
        (Ranks, _rank, _worldSize, _runtime) = (ranks, ranks.Rank, ranks.WorldSize, backend.Runtime);
        if (_runtime.OnlyCounts) throw new ArgumentException("This backend only counts memory.", nameof(backend));
        var cards = Compare(ranks, backend.Device);
        Description = $"NCCL {cards[0].Nccl}";
        NcclSettings.Machine.Apply(cards.Select(card => card.Host).Distinct().Count());
        _runtime.Context.MakeCurrent();
        try
        {
            var id = MakeId(ranks);
            using (ranks.Waiting("NCCL, which connects the GPUs (where it never ends, NCCL_P2P_DISABLE=1 may help)"))
            {
                nint comm = 0;
                var config = NcclConfig.Default;
                var result = ncclCommInitRankConfig(&comm, _worldSize, id, _rank, &config);
                if (result is NcclResult.Success or NcclResult.InProgress) _comm = comm;
                Check(result, nameof(ncclCommInitRankConfig));
                _peers = PeerLinks.Create(ranks, _runtime, IsDirectAllowed);
                FirstExchanges.Run(this, backend);
            }

            _ = ranks.Gather([]); // a rank that failed is known to all before the first takes more memory
        }
        catch
        {
            _failed = true;
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public RankGroup Ranks { get; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public bool GathersBeside => _peers is not null;

    /// <summary>NCCL's switch for GPUs whose direct exchange does not work.</summary>
    private static bool IsDirectAllowed => NcclSettings.Machine.UsersValue("NCCL_P2P_DISABLE") is null or "" or "0";

    private nint Stream => _runtime.Context!.Stream;

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(AllReduce));
        Begin();
        nint address = tensor.Address;
        Check(ncclAllReduce(address, address, (nuint)tensor.Count, NcclType.Float32, NcclOperation.Sum, _comm, Stream));
    }

    /// <inheritdoc/>
    public void ReduceScatter(Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(ReduceScatter));
        long part = PartOf(tensor, nameof(ReduceScatter));
        Begin();
        nint address = tensor.Address, own = address + (nint)(_rank * part * sizeof(float));
        Check(ncclReduceScatter(address, own, (nuint)part, NcclType.Float32, NcclOperation.Sum, _comm, Stream));
    }

    /// <inheritdoc/>
    /// <remarks>As bytes: NCCL copies every type that way.</remarks>
    public void AllGather(Tensor tensor)
    {
        Exchanged.RequireWhole(tensor, nameof(AllGather));
        long bytes = tensor.DType.LengthBytes(PartOf(tensor, nameof(AllGather)));
        Begin();
        nint address = tensor.Address, own = address + (nint)(_rank * bytes);
        Check(ncclAllGather(own, address, (nuint)bytes, NcclType.UInt8, _comm, Stream));
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        Exchanged.RequireWhole(tensor, nameof(Broadcast));
        Begin();
        nint address = tensor.Address;
        Check(ncclBroadcast(address, address, (nuint)tensor.LengthBytes, NcclType.UInt8, root, _comm, Stream));
    }

    /// <inheritdoc/>
    /// <remarks>GPUs of one process that NVLink connects read from each other, which leaves their multiprocessors to other work.</remarks>
    public IDividedTensor Divide(Tensor tensor) =>
        (IDividedTensor?)(_peers is null ? null : PeerTensor.TryCreate(_peers, tensor)) ?? new QueuedTensor(this, tensor);

    /// <inheritdoc/>
    public void Dispose()
    {
        nint comm = Interlocked.Exchange(ref _comm, 0);
        if (comm != 0) NcclEnd.Of(comm, _runtime, _peers, abort: _failed);
        _peers?.Dispose();
        _peers = null;
    }

    /// <summary>The cards of all ranks, after checking that they match.</summary>
    private static RankCard[] Compare(RankGroup ranks, CudaDevice device)
    {
        string problem = "";
        var nccl = CudaLibraries.Find(CudaLibrary.Nccl);
        try
        {
            _ = CudaLibraries.RequireNew(CudaLibraries.Require(CudaLibrary.Nccl));
        }
        catch (LapidaryException missing)
        {
            problem = missing.Message; // told to all ranks: none goes on alone
        }

        RankCard[] cards = [.. ranks.Gather(RankCard.Of(device, nccl, problem).ToBytes()).Select(RankCard.Parse)];
        return RankCard.ProblemOf(cards, ranks.NameOf) is { } reason ? throw new LapidaryException(reason) : cards;
    }

    /// <summary>The id that rank 0 creates: NCCL's ranks connect to its process.</summary>
    private UniqueId MakeId(RankGroup ranks)
    {
        UniqueId id;
        if (_rank == 0) Check(ncclGetUniqueId(&id));
        return new UniqueId(ranks.Gather(_rank == 0 ? id.ToArray() : [])[0]);
    }

    /// <summary>Before each call: makes the context current, and throws if something has failed since.</summary>
    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_comm == 0, this);
        if (_runtime.IsCapturing) throw new InvalidOperationException("Exchanges between ranks are not captured.");
        _runtime.Context!.MakeCurrent();
        Check(AsyncState(), "an exchange queued before");
    }

    private NcclResult AsyncState()
    {
        NcclResult state;
        var result = ncclCommGetAsyncError(_comm, &state);
        return result == NcclResult.Success ? state : result;
    }

    /// <summary>Throws if a call failed. Under the user's NCCL_COMM_BLOCKING=0 calls return before they are done.</summary>
    private void Check(NcclResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        while (result == NcclResult.InProgress && _comm != 0)
        {
            Thread.Yield();
            result = AsyncState();
        }

        if (result == NcclResult.Success) return;
        _failed = true;
        throw NcclFailure.Of(result, call, _comm);
    }

    private long PartOf(Tensor tensor, string op) => tensor.Count % _worldSize == 0
        ? tensor.Count / _worldSize
        : throw new ShapeException(op, nameof(tensor), $"elements for {_worldSize} equal parts", tensor);
}
