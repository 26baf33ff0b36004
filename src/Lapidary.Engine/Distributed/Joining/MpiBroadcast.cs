using Lapidary.Engine.Distributed.Launch;
using Lapidary.Engine.Distributed.Mpi;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>Sends rank 0's address through MPI.</summary>
internal sealed class MpiBroadcast(MpiRuntime mpi) : IAddressBroadcast
{
    /// <summary>The channel of an MPI launcher; null for other launchers.</summary>
    public static MpiBroadcast? Of(LaunchPlace place) =>
        place.Kind is LaunchKind.OpenMpi or LaunchKind.Mpich ? new MpiBroadcast(MpiStart.Of(place)) : null;

    /// <inheritdoc/>
    public void Broadcast(Span<byte> bytes, int root) => mpi.Broadcast(bytes, root);
}
