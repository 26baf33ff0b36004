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
    /// <summary>Refuses processes on CPUs whose launcher does not start MPI, before anything is loaded.</summary>
    /// <param name="place">Who started them.</param>
    /// <exception cref="LapidaryException">There are several, and no MPI.</exception>
    public static void RequireMpi(LaunchPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Processes > 1) _ = MpiStart.FlavorOf(place);
    }

    /// <summary>NCCL between GPUs, MPI between CPUs of several processes; one rank exchanges nothing. All ranks call it, before they plan
    /// their memory: NCCL takes some.</summary>
    /// <param name="ranks">The ranks; not owned.</param>
    /// <param name="backend">This rank's device; it must outlive the communicator.</param>
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
