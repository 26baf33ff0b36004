using Lapidary.Engine.Distributed.Mpi;

namespace Lapidary.Engine;

/// <summary>The MPI libraries of this machine, for ranks on CPUs.</summary>
public static class MpiLibraries
{
    /// <summary>All libraries that the system's loader finds, for "doctor". None is started; a run uses that of its launcher.</summary>
    public static IReadOnlyList<FoundMpi> Find() =>
        [.. MpiLibrary.All().Select(found => new FoundMpi(found.Name, found.Library.Version()))];
}

/// <summary>An MPI library.</summary>
/// <param name="Name">Its file: "libmpi.so.40".</param>
/// <param name="Version">"Open MPI v4.1.4".</param>
public sealed record FoundMpi(string Name, string Version);
