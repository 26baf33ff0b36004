using System.Net;
using System.Net.Sockets;
using System.Text;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>The start of all ranks but rank 0: they try to reach rank 0 until it answers.</summary>
/// <param name="places">Names or addresses of rank 0's machine, with ports.</param>
/// <param name="own">This rank.</param>
/// <param name="secret">The secret that rank 0 must know.</param>
/// <param name="times">Limits.</param>
/// <param name="startLimit">Time for rank 0 to answer.</param>
internal sealed class Arrival(
    IReadOnlyList<DnsEndPoint> places, Hello own, Secret secret, ControlTimes times, TimeSpan startLimit)
{
    private string _last = "";

    /// <summary>Waits until rank 0 reports that all ranks have arrived.</summary>
    /// <returns>The connection to rank 0, and the ranks' hosts.</returns>
    /// <exception cref="LapidaryException">Rank 0 cannot be reached, or refuses this rank.</exception>
    public (Link Link, string[] Hosts) Meet(CancellationToken cancellation)
    {
        long end = Environment.TickCount64 + (long)startLimit.TotalMilliseconds;
        for (double pause = 50; ; pause = Math.Min(pause * 1.5, times.Retry.TotalMilliseconds))
        {
            foreach (var place in places)
                foreach (var address in Resolve(place)) // anew each time: machines and their names come up late
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (Connect(address) is { } link) return (link, Welcome(link, place, cancellation));
                }

            if (Environment.TickCount64 > end)
                throw new LapidaryException($"{own.Name} did not reach rank 0 at {Text(places[0])} within "
                    + $"{startLimit.TotalSeconds:0.#} s: {_last}. "
                    + (places[0].Host == "localhost" || IPAddress.TryParse(places[0].Host, out var address) && IPAddress.IsLoopback(address)
                        ? "This address is each machine's own: where rank 0 is on another, set MASTER_ADDR to its name."
                        : "See whether it runs and whether this address and port are open to this machine."));
            cancellation.WaitHandle.WaitOne((int)pause);
        }
    }

    private static string Text(DnsEndPoint place) => $"{place.Host}:{place.Port}";

    private IPEndPoint[] Resolve(DnsEndPoint place)
    {
        try
        {
            return [.. Dns.GetHostAddresses(place.Host).Select(address => new IPEndPoint(address, place.Port))];
        }
        catch (SocketException)
        {
            _last = $"the name {place.Host} is not known";
            return [];
        }
    }

    /// <summary>A connection to the leader, which knows the secret; null if it does not listen yet.</summary>
    private Link? Connect(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        Link? link = null;
        try
        {
            using (var limit = new CancellationTokenSource(times.Frame))
                socket.ConnectAsync(address, limit.Token).AsTask().GetAwaiter().GetResult();
            link = new Link(socket, times);
            if (Handshake.Introduce(link, own, secret, times) is { } refusal)
            {
                link.Dispose();
                throw new LapidaryException(refusal);
            }

            return link;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or LinkException)
        {
            _last = e switch
            {
                SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nobody listens there",
                SocketException => e.Message,
                OperationCanceledException => "no connection in time",
                _ => $"the program there does not answer like Lapidary ({e.Message})",
            };
            link?.Dispose();
            socket.Dispose();
            return null;
        }
    }

    private string[] Welcome(Link link, DnsEndPoint place, CancellationToken cancellation)
    {
        using var ending = cancellation.Register(link.Close);
        string why;
        try
        {
            var frame = link.Receive(out var kind, startLimit + times.Silence);
            string text = Encoding.UTF8.GetString(frame);
            if (kind == FrameKind.Welcome && text.Split('\n') is { } hosts && hosts.Length == own.WorldSize) return hosts;
            why = kind == FrameKind.Refused ? text : $"rank 0 at {Text(place)} gave an unexpected answer.";
        }
        catch (LinkException e)
        {
            why = $"rank 0 at {Text(place)} ended before all others had come ({e.Message}). Look at its output.";
        }

        link.Dispose();
        cancellation.ThrowIfCancellationRequested();
        throw new LapidaryException(why);
    }
}
