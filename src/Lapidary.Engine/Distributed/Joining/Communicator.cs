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
    /// <summary>Refuses several processes on CPUs without MPI, before anything is loaded.</summary>
    /// <param name="place">Who started the processes.</param>
    /// <exception cref="LapidaryException">Several processes run without MPI.</exception>
    public static void RequireMpi(LaunchPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Processes > 1) _ = MpiStart.FlavorOf(place);
    }

    /// <summary>Creates NCCL's communicator between GPUs or MPI's between processes on CPUs; a single rank exchanges nothing. All ranks
    /// must call this before they plan their memory, because NCCL takes some.</summary>
    /// <param name="ranks">The ranks; not owned.</param>
    /// <param name="backend">This rank's device; it must outlive the communicator.</param>
    /// <returns>The communicator. The caller disposes it after all its users and before the backend. Disposal never waits long for other
    /// ranks, even while an error propagates.</returns>
    /// <exception cref="LapidaryException">A library is missing, two ranks use one GPU, or the devices of the ranks do not
    /// match.</exception>
    public static ICommunicator Create(RankGroup ranks, IBackend backend) => (ranks, backend) switch
    {
        ({ WorldSize: 1 }, _) => SilentCommunicator.Solo,
        (_, CudaBackend gpu) => new NcclCommunicator(ranks, gpu),
        (ThreadGroup threads, _) => new ThreadCommunicator(threads),
        (TcpGroup processes, _) => new MpiCommunicator(processes, MpiStart.Of(processes.Place), backend),
        _ => throw new ArgumentException("The group is of no kind that exchanges tensors.", nameof(ranks)),
    };
}
