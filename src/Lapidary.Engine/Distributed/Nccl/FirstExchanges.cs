using Lapidary.Engine.Cuda.Device;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>The first exchanges of a communicator, in which NCCL connects and allocates memory. They also test it: on some machines, data
/// between GPUs is damaged or never arrives.</summary>
internal static class FirstExchanges
{
    /// <summary>Elements of the longer ones: long tensors take another protocol than short ones.</summary>
    private const int Elements = 4 << 20;

    /// <summary>Values are small whole numbers of this period, so that sums are exact in any order.</summary>
    private const int Period = 7;

    /// <summary>Makes one of each kind.</summary>
    /// <exception cref="LapidaryException">A result is wrong.</exception>
    public static void Run(ICommunicator communicator, CudaBackend backend)
    {
        int worldSize = communicator.Ranks.WorldSize;

        // Not the backend's memory, which is planned. None of it is freed while other ranks may wait for this one.
        using var region = new MemoryRegion(new CudaAllocator(backend.Runtime.Context!), MemoryOwner.Exchange);
        foreach (int part in (int[])[1, Elements / worldSize + 1])
        {
            int count = part * worldSize;
            Try(communicator, backend, region.New("exchanged", DType.Float32, count));
        }
    }

    private static void Try(ICommunicator communicator, CudaBackend backend, Tensor tensor)
    {
        int rank = communicator.Ranks.Rank, worldSize = communicator.Ranks.WorldSize;
        float[] mine = new float[tensor.Count];
        for (int i = 0; i < mine.Length; i++) mine[i] = Value(rank, i);
        float[] sums = [.. Enumerable.Range(0, Period).Select(i => Enumerable.Range(0, worldSize).Sum(other => Value(other, i)))];

        backend.Write<float>(mine, tensor);
        communicator.AllReduce(tensor);
        RequireSums("all-reduce");
        backend.Write<float>(mine, tensor);
        communicator.ReduceScatter(tensor);
        communicator.AllGather(tensor);
        RequireSums("reduce-scatter and all-gather");
        using (var divided = communicator.Divide(tensor))
        {
            backend.Write<float>(mine, tensor);
            divided.ReduceScatter();
            divided.BeginGather();
            divided.EndGather();
            RequireSums("exchange in parts");
        }

        if (rank > 0) backend.Write<float>(mine, tensor);
        communicator.Broadcast(tensor, root: 0);
        RequireSums("broadcast");

        void RequireSums(string exchange)
        {
            float[] found = new float[tensor.Count];
            backend.Read<float>(tensor, found);
            for (int i = 0; i < found.Length; i++)
            {
                if (found[i] == sums[i % Period]) continue;
                throw new LapidaryException(
                    $"NCCL: {exchange} over the GPUs gave {found[i]} where {sums[i % Period]} was due: data between them is damaged. "
                    + "Set NCCL_P2P_DISABLE=1, and look for a newer driver and for the machine's IOMMU or ACS settings.");
            }
        }
    }

    private static float Value(int rank, int element) => 1 + (rank + element) % Period;
}
