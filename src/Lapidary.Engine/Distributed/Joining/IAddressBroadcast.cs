namespace Lapidary.Engine.Distributed.Joining;

/// <summary>A channel that exists before the ranks know each other's addresses: MPI's.</summary>
internal interface IAddressBroadcast
{
    /// <summary>bytes = those of the process <paramref name="root"/>, on all processes.</summary>
    void Broadcast(Span<byte> bytes, int root);
}
