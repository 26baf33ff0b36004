using System.Text;
using Lapidary.Engine.Distributed.Control;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>How two ranks authenticate each other: hello and a nonce, a nonce and the leader's proof, the member's proof.</summary>
internal static class Handshake
{
    private const string OtherSecret = "its LAPIDARY_TOKEN is not that of rank 0";

    /// <summary>The leader's side. Returns the member's hello.</summary>
    /// <exception cref="LinkException">The other end does not know the secret.</exception>
    public static Hello Receive(Link link, Secret secret, ControlTimes times)
    {
        var frame = link.Receive(out var kind, times.Frame);
        if (kind != FrameKind.Hello || frame.Length < Secret.Size) throw Foreign();
        byte[] membersNonce = frame[..Secret.Size].ToArray(), hello = frame[Secret.Size..].ToArray();
        var member = Hello.FromBytes(hello);
        if (member.Protocol != Hello.OwnProtocol)
            throw Refuse(link, $"rank {member.Rank} ({link.Peer}) is another version of Lapidary: start the same on all machines");

        byte[] nonce = Secret.Nonce();
        link.Send(FrameKind.Challenge, [.. nonce, .. secret.Proof(ofLeader: true, membersNonce, nonce, hello)]);
        frame = link.Receive(out kind, times.Frame);
        if (kind == FrameKind.Refused) throw new LinkException($"{member.Name}: {OtherSecret}");
        if (kind != FrameKind.Proof) throw Foreign();
        if (!Secret.Equal(frame, secret.Proof(ofLeader: false, membersNonce, nonce, hello)))
            throw Refuse(link, $"{member.Name}: {OtherSecret}");
        link.Trust();
        return member;
    }

    /// <summary>The member's side.</summary>
    /// <returns>Why the leader refuses this rank, or null.</returns>
    /// <exception cref="LinkException">The other end is not the leader.</exception>
    public static string? Introduce(Link link, Hello own, Secret secret, ControlTimes times)
    {
        byte[] nonce = Secret.Nonce(), hello = own.ToBytes();
        if (!link.Send(FrameKind.Hello, [.. nonce, .. hello])) throw new LinkException("the connection ended");
        var frame = link.Receive(out var kind, times.Frame);
        if (kind == FrameKind.Refused) return Encoding.UTF8.GetString(frame);
        if (kind != FrameKind.Challenge || frame.Length != 2 * Secret.Size) throw Foreign();
        byte[] leadersNonce = frame[..Secret.Size].ToArray();
        if (!Secret.Equal(frame[Secret.Size..], secret.Proof(ofLeader: true, nonce, leadersNonce, hello)))
        {
            link.Send(FrameKind.Refused, OtherSecret);
            return $"{own.Name}: {OtherSecret}";
        }

        link.Trust();
        link.Send(FrameKind.Proof, secret.Proof(ofLeader: false, nonce, leadersNonce, hello));
        return null;
    }

    /// <summary>Tells the other end why it is refused.</summary>
    public static LinkException Refuse(Link link, string why)
    {
        link.Send(FrameKind.Refused, why);
        return new LinkException(why);
    }

    private static LinkException Foreign() => new("what came is no message of Lapidary", isForeign: true);
}
