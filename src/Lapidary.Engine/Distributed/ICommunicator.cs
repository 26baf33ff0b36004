namespace Lapidary.Engine;

/// <summary>Exchanges tensors between the ranks of a run: NCCL between GPUs, MPI between CPUs. A rank is one device with a whole
/// model.</summary>
/// <remarks>
/// <para>Every rank makes the same calls in the same order, with tensors of the same size. A call is queued after the backend's earlier
/// work, and the backend's later work sees its result.</para>
/// <para>Determinism. All ranks get the same bits, and the same ranks on the same devices get the same bits in every run. Another number of
/// ranks adds in another order.</para>
/// </remarks>
public interface ICommunicator : IDisposable
{
    /// <summary>The ranks, which also exchange data other than tensors.</summary>
    RankGroup Ranks { get; }

    /// <summary>One line to print: "NCCL 2.28.3".</summary>
    string Description { get; }

    /// <summary>Whether the gathers of divided tensors go on beside the backend's work; otherwise each takes its place among it.</summary>
    bool GathersBeside => false;

    /// <summary>tensor = Σ over the ranks' tensors.</summary>
    /// <param name="tensor">fp32, any number of elements.</param>
    void AllReduce(Tensor tensor);

    /// <summary>The rank's part of the tensor (see <see cref="Shard"/>) = Σ over the ranks of that part. The other parts are undefined
    /// afterwards.</summary>
    /// <param name="tensor">fp32; the number of ranks divides the number of elements.</param>
    void ReduceScatter(Tensor tensor);

    /// <summary>Every part of the tensor (see <see cref="Shard"/>) = that part on the rank to which it belongs.</summary>
    /// <param name="tensor">Any type but NF4; the number of ranks divides the number of elements.</param>
    void AllGather(Tensor tensor);

    /// <summary>tensor = that of the rank <paramref name="root"/>.</summary>
    /// <param name="tensor">Any type but NF4.</param>
    /// <param name="root">0 for the first rank.</param>
    void Broadcast(Tensor tensor, int root);

    /// <summary>Prepares the exchanges of a tensor that is divided among the ranks, all of which call this. The caller disposes the
    /// result.</summary>
    /// <param name="tensor">fp32; the number of ranks divides the number of elements.</param>
    IDividedTensor Divide(Tensor tensor) => new QueuedTensor(this, tensor);
}

/// <summary>How a tensor is cut into one part for each rank.</summary>
public static class Shard
{
    /// <summary>A rank's part, flat: of n elements on w ranks, the n / w elements that start at rank · n / w.</summary>
    public static Tensor Of(Tensor tensor, int rank, int worldSize)
    {
        long count = tensor.Count / worldSize;
        if (count * worldSize != tensor.Count)
            throw new ShapeException(nameof(Shard), nameof(tensor), $"elements for {worldSize} equal parts", tensor);
        return tensor.Reshape(tensor.Count).Rows(rank * count, count);
    }
}
