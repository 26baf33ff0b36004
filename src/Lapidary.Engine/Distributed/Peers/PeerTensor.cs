using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Distributed.Peers;

/// <summary>A divided tensor that GPUs of one process read from each other. Sums are added in the ranks' order; gathers go on beside the
/// backend's work.</summary>
internal sealed class PeerTensor : IDividedTensor
{
    private readonly PeerLinks _links;
    private readonly nint[] _tensors;
    private readonly int _rank;
    private readonly long _part;

    /// <summary>The exchange of a gather that has begun; null if none has.</summary>
    private uint? _gather;

    /// <summary>The last exchanges.</summary>
    private uint _summed, _gathered;

    private PeerTensor(PeerLinks links, nint[] tensors, long part) =>
        (_links, _tensors, _rank, _part) = (links, tensors, links.Ranks.Rank, part);

    private int WorldSize => _tensors.Length;

    /// <summary>All ranks make theirs together. Null on all of them if some cannot open its memory.</summary>
    public static PeerTensor? TryCreate(PeerLinks links, Tensor tensor)
    {
        Exchanged.RequireFloat32(tensor, nameof(ICommunicator.Divide));
        long part = Shard.Of(tensor, links.Ranks.Rank, links.Ranks.WorldSize).Count;
        return links.Open(tensor) is { } tensors ? new PeerTensor(links, tensors, part) : null;
    }

    /// <inheritdoc/>
    public void ReduceScatter()
    {
        uint exchange = _links.Begin();
        _links.WaitUntilReady(exchange);
        _links.Kernels.Sum(_tensors, _rank, _part);
        _links.Signal(_links.Stream, PeerSignal.Summed, exchange);
        _summed = exchange;
    }

    /// <inheritdoc/>
    public void BeginGather()
    {
        if (_gather is not null) throw new InvalidOperationException("A gather has begun already.");
        uint exchange = _links.Begin();
        nint copies = _links.Copies;
        _links.Order(_links.Stream, copies); // this rank's work has read the parts that are overwritten
        nint lengthBytes = (nint)(_part * sizeof(float));
        for (int distance = 1; distance < WorldSize; distance++)
        {
            int other = (_rank + distance) % WorldSize; // no two ranks read from the same one
            nint offset = other * lengthBytes;
            _links.WaitUntilReady(copies, other, exchange);
            Check(cuMemcpyDtoDAsync(_tensors[_rank] + offset, _tensors[other] + offset, (nuint)lengthBytes, copies));
        }

        _links.Signal(copies, PeerSignal.Gathered, exchange);
        _gather = _gathered = exchange;
    }

    /// <inheritdoc/>
    public void FetchRows(Tensor ids, int columns)
    {
        if (_gather is not { } exchange) throw new InvalidOperationException("No gather has begun.");
        _links.WaitUntilReady(exchange);
        _links.Kernels.Rows(ids, columns, _tensors, _rank, _part);
    }

    /// <inheritdoc/>
    public void EndGather()
    {
        if (_gather is null) return;
        _gather = null;
        _links.Order(_links.Copies, _links.Stream);
    }

    /// <inheritdoc/>
    /// <remarks>Waits until nobody reads the tensor's memory any more.</remarks>
    public void Dispose()
    {
        _links.WaitForReaders(PeerSignal.Summed, _summed);
        _links.WaitForReaders(PeerSignal.Gathered, _gathered);
    }
}
