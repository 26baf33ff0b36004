using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>The sockets on which rank 0 accepts the others: one for each address of its name.</summary>
internal sealed class Listeners : IDisposable
{
    /// <summary>All ranks may connect at the same moment, and other programs too. A rank that the system rejects tries again only after a
    /// second or more.</summary>
    private const int Backlog = 1024;

    private readonly List<Socket> _sockets;

    private Listeners(List<Socket> sockets) => _sockets = sockets;

    /// <summary>Addresses and ports.</summary>
    public IEnumerable<IPEndPoint> EndPoints => _sockets.Select(socket => (IPEndPoint)socket.LocalEndPoint!);

    /// <summary>Whether it listens on all addresses of this machine.</summary>
    public bool IsAny { get; private init; }

    /// <summary>Binds the addresses of a name.</summary>
    /// <remarks>If the name has no address of this machine (for example a Kubernetes service), all addresses are used. The same holds for
    /// the machine's own name if /etc/hosts maps it to 127.0.1.1, which other machines cannot reach.</remarks>
    /// <exception cref="LapidaryException">The port is in use.</exception>
    public static Listeners Open(string name, int port, ControlTimes times, CancellationToken cancellation)
    {
        var addresses = Resolve(name, times.OwnName, cancellation);
        var sockets = Bind(addresses, port, times, cancellation);
        bool meansLoopback = name == "localhost" || IPAddress.TryParse(name, out _);
        if (sockets.Any(socket => meansLoopback || !IPAddress.IsLoopback(((IPEndPoint)socket.LocalEndPoint!).Address)))
            return new(sockets);
        sockets.ForEach(socket => socket.Dispose());
        sockets = Bind([Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any], port, times, cancellation);
        if (sockets.Count == 0) throw new LapidaryException($"rank 0 may not await the others at port {port}: set another MASTER_PORT.");
        return new(sockets) { IsAny = true };
    }

    /// <summary>Binds all addresses that other machines may reach, at ports that the system chooses.</summary>
    public static Listeners OpenAll(ControlTimes times, CancellationToken cancellation)
    {
        var addresses =
            from network in NetworkInterface.GetAllNetworkInterfaces()
            where network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback
            let properties = network.GetIPProperties()
            orderby properties.GatewayAddresses.Count > 0 descending
            from address in properties.UnicastAddresses
            where !address.Address.IsIPv6LinkLocal && !IPAddress.IsLoopback(address.Address)
            select address.Address;
        return new(Bind([.. addresses.Take(16).DefaultIfEmpty(IPAddress.Loopback)], 0, times, cancellation));
    }

    /// <summary>Accepts connections that arrive within a moment.</summary>
    public IEnumerable<Socket> Accept(TimeSpan moment)
    {
        List<Socket> ready = [.. _sockets];
        Socket.Select(ready, null, null, moment);
        foreach (var listener in ready)
        {
            Socket? accepted = null;
            try
            {
                accepted = listener.Accept();
            }
            catch (SocketException)
            {
                // it has gone again
            }

            if (accepted is not null) yield return accepted;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private static IPAddress[] Resolve(string name, TimeSpan limit, CancellationToken cancellation)
    {
        for (long end = Environment.TickCount64 + (long)limit.TotalMilliseconds; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return Dns.GetHostAddresses(name);
            }
            catch (SocketException)
            {
                if (Environment.TickCount64 > end) return [];
                cancellation.WaitHandle.WaitOne(500);
            }
        }
    }

    private static List<Socket> Bind(
        IEnumerable<IPAddress> addresses, int port, ControlTimes times, CancellationToken cancellation)
    {
        long end = Environment.TickCount64 + (long)times.PortInUse.TotalMilliseconds;
        var sockets = new List<Socket>();
        foreach (var address in addresses)
        {
            while (!TryBind(address, port, out var socket, out var error))
            {
                cancellation.ThrowIfCancellationRequested();
                if (error != SocketError.AddressAlreadyInUse) break; // not an address of this machine
                if (Environment.TickCount64 < end)
                {
                    cancellation.WaitHandle.WaitOne(250);
                    continue;
                }

                sockets.ForEach(other => other.Dispose());
                throw new LapidaryException($"rank 0 cannot await the others at {new IPEndPoint(address, port)}: the port is in use. "
                    + "End the other run, or set another MASTER_PORT on all ranks.");
            }

            bool TryBind(IPAddress at, int number, out Socket bound, out SocketError why)
            {
                bound = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    if (at.Equals(IPAddress.IPv6Any)) bound.DualMode = true;
                    bound.Bind(new IPEndPoint(at, number));
                    bound.Listen(Backlog);
                    sockets.Add(bound);
                    why = SocketError.Success;
                    return true;
                }
                catch (SocketException e)
                {
                    bound.Dispose();
                    why = e.SocketErrorCode;
                    return false;
                }
            }
        }

        return sockets;
    }
}
