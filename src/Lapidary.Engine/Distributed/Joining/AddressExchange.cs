using System.Globalization;
using System.Net;
using System.Text;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>Sends rank 0's address, and a secret made for this run, over a channel that other programs cannot read.</summary>
internal static class AddressExchange
{
    private const int Size = 2048;
    private const string Good = "ok";

    /// <summary>Sends them from rank 0's process to all others.</summary>
    public static void Tell(IAddressBroadcast channel, byte[] secret, IEnumerable<IPEndPoint> places) =>
        Send(channel, [Good, Convert.ToHexString(secret), .. places.Select(place => $"{place.Address} {place.Port}")]);

    /// <summary>Sends an error instead: rank 0's process cannot accept the others.</summary>
    public static void TellFailure(IAddressBroadcast channel, string why) => Send(channel, [why]);

    /// <summary>Receives the message of rank 0's process.</summary>
    /// <exception cref="LapidaryException">Rank 0 cannot accept the others.</exception>
    public static (byte[] Secret, IReadOnlyList<DnsEndPoint> Places) Hear(IAddressBroadcast channel)
    {
        byte[] bytes = new byte[Size];
        channel.Broadcast(bytes, root: 0);
        string[] lines = Encoding.UTF8.GetString(bytes).TrimEnd('\0').Split('\n');
        if (lines is not [Good, var secret, .. var places]) throw new LapidaryException(lines[0]);
        return (Convert.FromHexString(secret), [.. places.Select(Place)]);
    }

    private static DnsEndPoint Place(string line) => line.Split(' ') is [var address, var port]
        ? new(address, int.Parse(port, CultureInfo.InvariantCulture))
        : throw new LapidaryException("rank 0 told no address: start the same version of Lapidary on all machines.");

    private static void Send(IAddressBroadcast channel, IEnumerable<string> lines)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Join('\n', lines)), bytes = new byte[Size];
        text.AsSpan(0, Math.Min(text.Length, Size)).CopyTo(bytes);
        channel.Broadcast(bytes, root: 0);
    }
}
