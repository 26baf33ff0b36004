using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;
using Lapidary.Engine.Distributed.Mpi;
using Lapidary.Engine.Distributed.Nccl;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Makes the communicator that fits a rank's device.</summary>
public static class Communicator
{
    /// <summary>NCCL between GPUs, MPI between CPUs of several processes; one rank exchanges nothing. All ranks call it, before they plan
    /// their memory: NCCL takes some.</summary>
    /// <param name="ranks">The ranks; not owned.</param> <param name="backend">This rank's device; it must outlive the
    /// communicator.</param>
    /// <returns>The caller's, to be disposed of after whatever uses it and before the backend. Disposal never waits for other ranks for
    /// long, also where an error is on its way.</returns>
    /// <exception cref="LapidaryException">A library is missing, two ranks have one GPU, or the ranks' devices do not fit each
    /// other.</exception>
    public static ICommunicator Create(RankGroup ranks, IBackend backend) => (ranks, backend) switch
    {
        ({ WorldSize: 1 }, _) => SilentCommunicator.Solo,
        (_, CudaBackend gpu) => new NcclCommunicator(ranks, gpu),
        (ThreadGroup threads, _) => new ThreadCommunicator(threads),
        (TcpGroup processes, _) => new MpiCommunicator(processes, MpiStart.Of(processes.Place), backend),
        _ => throw new ArgumentException("The group is of no kind that exchanges tensors.", nameof(ranks)),
    };
}
