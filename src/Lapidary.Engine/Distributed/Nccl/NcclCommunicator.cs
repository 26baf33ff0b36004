using System.Runtime.CompilerServices;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;
using static Lapidary.Engine.Distributed.Nccl.NcclApi;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>Exchanges tensors between GPUs, in place and on the backend's stream.</summary>
/// <remarks>
/// <para>Not captured. A captured exchange would bind all ranks to the same graphs, but each captures when its own shapes come up. Queueing
/// one takes some microseconds, and nobody waits on the host.</para>
/// <para>One communicator for a device, used by one thread at a time. It is disposed before its backend.</para>
/// </remarks>
internal sealed unsafe class NcclCommunicator : ICommunicator
{
    /// <summary>Elements of the larger of the exchanges that warm up: long ones take another protocol than short ones.</summary>
    private const int WarmUpElements = 4 << 20;

    private readonly CudaRuntime _runtime;
    private readonly int _rank;
    private readonly int _worldSize;
    private nint _comm;
    private bool _failed;

    /// <summary>Connects the ranks, all of which call this, and warms every exchange up: free memory that is read afterwards is without
    /// what NCCL has taken.</summary>
    /// <exception cref="LapidaryException">NCCL is missing or too old, two ranks are on one GPU, GPUs or versions differ, or NCCL fails. All
    /// but the last are the same on every rank.</exception>
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
            using (ranks.Waiting("NCCL to connect the GPUs"))
            {
                nint comm = 0;
                var config = NcclConfig.Default;
                var result = ncclCommInitRankConfig(&comm, _worldSize, id, _rank, &config);
                if (result is NcclResult.Success or NcclResult.InProgress) _comm = comm;
                Check(result, nameof(ncclCommInitRankConfig));
                WarmUp();
            }
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

    private nint Stream => _runtime.Context!.Stream;

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
        RequireFloats(tensor, nameof(AllReduce));
        AllReduce(tensor.Address, tensor.Count);
    }

    /// <inheritdoc/>
    public void ReduceScatter(Tensor tensor)
    {
        RequireFloats(tensor, nameof(ReduceScatter));
        ReduceScatter(tensor.Address, PartOf(tensor, nameof(ReduceScatter)));
    }

    /// <inheritdoc/>
    public void AllGather(Tensor tensor)
    {
        RequireValues(tensor, nameof(AllGather));
        AllGather(tensor.Address, tensor.DType.LengthBytes(PartOf(tensor, nameof(AllGather))));
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
        RequireValues(tensor, nameof(Broadcast));
        Broadcast(tensor.Address, tensor.LengthBytes, root);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint comm = Interlocked.Exchange(ref _comm, 0);
        if (comm != 0) NcclEnd.Of(comm, _runtime, abort: _failed);
    }

    /// <summary>What all ranks bring, once it is known to fit together.</summary>
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

    /// <summary>The id that rank 0 makes: NCCL's ranks come to its process.</summary>
    private UniqueId MakeId(RankGroup ranks)
    {
        UniqueId id;
        if (_rank == 0) Check(ncclGetUniqueId(&id));
        return new UniqueId(ranks.Gather(_rank == 0 ? id.ToArray() : [])[0]);
    }

    /// <summary>NCCL connects, and takes memory, at the first exchange of a kind.</summary>
    private void WarmUp()
    {
        nint memory;
        nuint lengthBytes = (nuint)(((long)WarmUpElements + _worldSize) * sizeof(float));
        CheckDriver(cuMemAlloc(&memory, lengthBytes));
        foreach (long part in (long[])[1, WarmUpElements / _worldSize + 1])
        {
            AllReduce(memory, part * _worldSize);
            ReduceScatter(memory, part);
            AllGather(memory, part * sizeof(float));
            Broadcast(memory, part * _worldSize * sizeof(float), root: 0);
        }

        _runtime.Synchronize();
        CheckDriver(cuMemFree(memory));
        _ = Ranks.Gather([]); // a rank that failed is known to all before the first takes memory
    }

    private void AllReduce(nint address, long count)
    {
        Begin();
        Check(ncclAllReduce(address, address, (nuint)count, NcclType.Float32, NcclOperation.Sum, _comm, Stream));
    }

    private void ReduceScatter(nint address, long count)
    {
        Begin();
        nint own = address + (nint)(_rank * count * sizeof(float));
        Check(ncclReduceScatter(address, own, (nuint)count, NcclType.Float32, NcclOperation.Sum, _comm, Stream));
    }

    /// <summary>As bytes: NCCL copies every type that way.</summary>
    private void AllGather(nint address, long bytes)
    {
        Begin();
        Check(ncclAllGather(address + (nint)(_rank * bytes), address, (nuint)bytes, NcclType.UInt8, _comm, Stream));
    }

    private void Broadcast(nint address, long bytes, int root)
    {
        Begin();
        Check(ncclBroadcast(address, address, (nuint)bytes, NcclType.UInt8, root, _comm, Stream));
    }

    /// <summary>Before each call: the context is the thread's, and nothing has failed since.</summary>
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

    private static void CheckDriver(int result, [CallerArgumentExpression(nameof(result))] string call = "") =>
        Cuda.Driver.CudaDriver.Check(result, call);

    private long PartOf(Tensor tensor, string op) => tensor.Count % _worldSize == 0
        ? tensor.Count / _worldSize
        : throw new ShapeException(op, nameof(tensor), $"elements for {_worldSize} equal parts", tensor);

    private static void RequireFloats(Tensor tensor, string op)
    {
        if (tensor.DType != DType.Float32) throw new ShapeException(op, nameof(tensor), "Float32", tensor);
    }

    private static void RequireValues(Tensor tensor, string op)
    {
        if (tensor.DType == DType.NF4) throw new ShapeException(op, nameof(tensor), "of another type than NF4", tensor);
    }
}
