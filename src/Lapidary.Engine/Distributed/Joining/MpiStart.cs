using Lapidary.Engine.Distributed.Launch;
using Lapidary.Engine.Distributed.Mpi;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>MPI of this process. It is started once: for rank 0's address or for the exchanges between CPUs, whichever comes
/// first.</summary>
internal static class MpiStart
{
    private static readonly Lock Guard = new();
    private static MpiRuntime? s_runtime;

    /// <summary>The launcher's MPI.</summary>
    /// <exception cref="LapidaryException">The launcher has none, or its library is missing.</exception>
    public static MpiRuntime Of(LaunchPlace place)
    {
        lock (Guard) return s_runtime ??= MpiRuntime.Start(FlavorOf(place), place.Processes);
    }

    /// <summary>Ends MPI if it was started. All ranks must have finished.</summary>
    public static void Complete()
    {
        lock (Guard)
        {
            s_runtime?.Complete();
            s_runtime?.Dispose();
            s_runtime = null;
        }
    }

    /// <summary>The kind of library that a launcher needs.</summary>
    /// <exception cref="LapidaryException">The launcher has none.</exception>
    public static MpiFlavor FlavorOf(LaunchPlace place) => place.Kind switch
    {
        LaunchKind.OpenMpi => MpiFlavor.OpenMpi,
        LaunchKind.Mpich => MpiFlavor.Mpich,

        // srun --mpi=pmix; its other plugins set PMI_RANK, which is MPICH's.
        LaunchKind.Slurm when Environment.GetEnvironmentVariable("PMIX_RANK") is not null => MpiFlavor.OpenMpi,
        _ => throw new LapidaryException(
            $"This is one of {place.Processes} processes by {place.Launcher}, but CPUs exchange by MPI: start them with mpirun or "
            + $"mpiexec (under Slurm with srun and its plugin pmix), or set {LaunchPlace.Switch}=none where each is to work alone."),
    };
}
