using System.Text;
using Lapidary.Engine.Distributed.Control;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>How a rank introduces itself.</summary>
/// <param name="Protocol">Version of the control channel's messages.</param>
/// <param name="Rank">Which rank it is.</param>
/// <param name="WorldSize">Number of ranks, as it sees it.</param>
/// <param name="Host">Its machine.</param>
/// <param name="ProcessId">Its process there.</param>
/// <param name="Version">Version of Lapidary.</param>
/// <param name="Run">Distinguishes runs that use the same address; may be empty.</param>
internal sealed record Hello(int Protocol, int Rank, int WorldSize, string Host, int ProcessId, string Version, string Run)
{
    /// <summary>The protocol that this program speaks.</summary>
    public const int OwnProtocol = 1;

    /// <summary>"Lapidary" in bytes. Other frames are ignored.</summary>
    private const ulong Magic = 0x797261646970614C;

    /// <summary>"rank 1 (node-b)".</summary>
    public string Name => $"rank {Rank} ({Host})";

    /// <summary>The bytes of its frame.</summary>
    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Protocol);
        writer.Write(Rank);
        writer.Write(WorldSize);
        writer.Write(ProcessId);
        writer.Write(Host);
        writer.Write(Version);
        writer.Write(Run);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Parses a frame. For another protocol, only the protocol number is reliable.</summary>
    /// <exception cref="LinkException">The frame is not a hello.</exception>
    public static Hello FromBytes(ReadOnlySpan<byte> bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray()), Encoding.UTF8);
        try
        {
            if (reader.ReadUInt64() != Magic) throw new LinkException("what came is no message of Lapidary", isForeign: true);
            int protocol = reader.ReadInt32(), rank = reader.ReadInt32(), worldSize = reader.ReadInt32(), processId = reader.ReadInt32();
            return protocol == OwnProtocol
                ? new Hello(protocol, rank, worldSize, reader.ReadString(), processId, reader.ReadString(), reader.ReadString())
                : new Hello(protocol, rank, worldSize, "?", processId, "?", "");
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            throw new LinkException("what came is no message of Lapidary", isForeign: true);
        }
    }
}
