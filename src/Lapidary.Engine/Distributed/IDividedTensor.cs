namespace Lapidary.Engine;

/// <summary>A tensor that every rank has whole, and of which each rank owns a part (see <see cref="Shard"/>): gradients whose sums are
/// formed in parts, and values that are updated in parts. The exchanges of training's largest tensors, some of which go on while the
/// backend computes.</summary>
/// <remarks>
/// <para>All ranks make the same calls in the same order, except <see cref="FetchRows"/>. Calls are queued as those of
/// <see cref="ICommunicator"/> are.</para>
/// <para>Ranks may still read what they need of this rank's tensor after a call: the other parts after <see cref="ReduceScatter"/>, the
/// own part after <see cref="EndGather"/>. They may be written by work that is queued after the next exchange of the communicator, which
/// of a gather is its end.</para>
/// <para>The tensor's memory must outlive this object, which is disposed before the communicator.</para>
/// </remarks>
public interface IDividedTensor : IDisposable
{
    /// <summary>The own part = Σ over the ranks of that part. The other parts are undefined afterwards.</summary>
    void ReduceScatter();

    /// <summary>Begins to bring every rank's part to all ranks. Until <see cref="EndGather"/> no part may be written, and of the others'
    /// parts only what <see cref="FetchRows"/> has brought may be read.</summary>
    void BeginGather();

    /// <summary>Between <see cref="BeginGather"/> and <see cref="EndGather"/>: brings some rows at once. Not all ranks need to call
    /// it.</summary>
    /// <param name="ids">Int32, numbers of rows. Others than the tensor's are passed over.</param>
    /// <param name="columns">Elements of a row.</param>
    void FetchRows(Tensor ids, int columns);

    /// <summary>Later work finds every part as on the rank that owns it. Does nothing if no gather has begun.</summary>
    void EndGather();
}

/// <summary>Exchanges a divided tensor by the calls of a communicator, each at its place among the backend's work.</summary>
internal sealed class QueuedTensor(ICommunicator communicator, Tensor tensor) : IDividedTensor
{
    /// <inheritdoc/>
    public void ReduceScatter() => communicator.ReduceScatter(tensor);

    /// <inheritdoc/>
    /// <remarks>Later work finds all parts.</remarks>
    public void BeginGather() => communicator.AllGather(tensor);

    /// <inheritdoc/>
    public void FetchRows(Tensor ids, int columns)
    {
    }

    /// <inheritdoc/>
    public void EndGather()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
