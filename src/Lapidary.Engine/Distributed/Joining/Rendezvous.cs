using System.Net.Sockets;
using System.Text;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Joining;

/// <summary>Rank 0's side of the start: it waits until all others have joined. Other programs that connect can neither delay nor end
/// it.</summary>
/// <param name="listeners">The sockets that accept the others.</param>
/// <param name="own">Rank 0.</param>
/// <param name="secret">The secret of the ranks.</param>
/// <param name="times">Limits.</param>
/// <param name="startLimit">How long to wait for all.</param>
/// <param name="note">Called with a line for each refused connection.</param>
internal sealed class Rendezvous(
    Listeners listeners, Hello own, Secret secret, ControlTimes times, TimeSpan startLimit, Action<string>? note)
{
    /// <summary>Limit of connections in progress, beyond those of the ranks.</summary>
    private const int Strangers = 64;

    private readonly object _sync = new();
    private readonly Link?[] _links = new Link?[own.WorldSize];
    private readonly Hello?[] _hellos = new Hello?[own.WorldSize];
    private readonly HashSet<Link> _waiting = [];
    private string? _refused, _failure;

    /// <summary>Waits for all ranks.</summary>
    /// <returns>The ranks' connections, with none for rank 0, and their hosts.</returns>
    /// <exception cref="LapidaryException">Some ranks have not joined in time, or do not match.</exception>
    public (Link?[] Links, string[] Hosts) Meet(CancellationToken cancellation)
    {
        _hellos[0] = own;
        try
        {
            AwaitAll(cancellation);
            string[] hosts = [.. _hellos.Select(hello => hello!.Host)];
            byte[] welcome = Encoding.UTF8.GetBytes(string.Join('\n', hosts));
            foreach (var link in _links) link?.Send(FrameKind.Welcome, welcome);
            return (_links, hosts);
        }
        catch (Exception e)
        {
            string why = e is LapidaryException ? e.Message : $"{own.Name} ended before the start";
            lock (_sync) _failure ??= why;
            foreach (var link in _links) link?.Send(FrameKind.Refused, [], Encoding.UTF8.GetBytes(why), times.Goodbye);
            foreach (var link in _links) link?.Dispose();
            throw;
        }
        finally
        {
            lock (_sync)
                foreach (var link in _waiting) link.Close();
        }
    }

    private void AwaitAll(CancellationToken cancellation)
    {
        long end = Environment.TickCount64 + (long)startLimit.TotalMilliseconds;
        for (long looked = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var socket in listeners.Accept(TimeSpan.FromMilliseconds(20))) Look(socket);
            lock (_sync)
            {
                if (_failure is not null) throw new LapidaryException(_failure);
                if (Environment.TickCount64 - looked > 250)
                {
                    looked = Environment.TickCount64;
                    int gone = Array.FindIndex(_links, link => link is { IsClosed: true });
                    if (gone >= 0) throw new LapidaryException($"{_hellos[gone]!.Name} ended before all others had come.");
                }

                if (Array.TrueForAll(_hellos, hello => hello is not null)) return;
                if (Environment.TickCount64 > end) throw new LapidaryException(Missing());
            }
        }
    }

    private string Missing()
    {
        var missing = _hellos.Index().Where(entry => entry.Item is null).Select(entry => entry.Index);
        string sent = _refused is null ? "" : $" (sent away: {_refused})";
        return $"{Watchdog.Ranks(missing)} of {own.WorldSize} did not come to {own.Name} within {startLimit.TotalSeconds:0.#} s{sent}. "
            + "Look at their output, and whether they reach this address and port.";
    }

    private void Look(Socket socket)
    {
        Link link;
        try
        {
            link = new Link(socket, times);
        }
        catch (SocketException)
        {
            socket.Dispose(); // it has gone again
            return;
        }

        lock (_sync)
        {
            if (_waiting.Count >= own.WorldSize + Strangers)
            {
                link.Dispose();
                return;
            }

            _waiting.Add(link);
        }

        new Thread(() => Greet(link), maxStackSize: 256 << 10) { IsBackground = true, Name = "Lapidary rendezvous" }.Start();
    }

    private void Greet(Link link)
    {
        bool stays = false;
        string peer = link.Peer;
        try
        {
            var member = Handshake.Receive(link, secret, times);
            stays = Seat(link, member);
        }
        catch (LinkException e)
        {
            SentAway(e.IsForeign ? $"{peer}: {e.Message}" : e.Message, isNews: !e.IsForeign);
        }
        finally
        {
            lock (_sync) _waiting.Remove(link);
            if (!stays) link.Dispose();
        }
    }

    /// <summary>A rank of this run that does not match ends the start, because it will never join. A process of another run is
    /// refused.</summary>
    private bool Seat(Link link, Hello member)
    {
        string? wrong = Disagreement(member);
        lock (_sync)
        {
            if (_failure is not null) throw Handshake.Refuse(link, _failure);
            if (member.Run != own.Run)
                throw Handshake.Refuse(link, $"{member.Name} belongs to another run, '{member.Run}', than {own.Name}, '{own.Run}': "
                    + "set another MASTER_PORT for one of them");
            if (wrong is null && _hellos[member.Rank] is { } first)
                throw Handshake.Refuse(link, $"{member.Name}, process {member.ProcessId}: this rank is taken by process "
                    + $"{first.ProcessId} on {first.Host}. Start each rank once.");
            if (wrong is not null)
            {
                _failure = wrong;
                throw Handshake.Refuse(link, wrong);
            }

            // In one go: the link of the last to come must not be among those which the meeting closes as it ends.
            _hellos[member.Rank] = member;
            _links[member.Rank] = link;
            _waiting.Remove(link);
            return true;
        }
    }

    private string? Disagreement(Hello member)
    {
        if (member.Version != own.Version)
            return $"{member.Name} has version {member.Version} of Lapidary, {own.Name} {own.Version}: start the same on all machines.";
        if (member.WorldSize != own.WorldSize)
            return $"{member.Name} counts {member.WorldSize} ranks, {own.Name} {own.WorldSize}: "
                + "all processes need the same number of devices.";
        return member.Rank >= 0 && member.Rank < own.WorldSize ? null
            : $"{member.Name} is none of the {own.WorldSize} ranks: expected 0 to {own.WorldSize - 1}.";
    }

    private void SentAway(string who, bool isNews)
    {
        lock (_sync) _refused = who;
        if (isNews) note?.Invoke($"sent away: {who}");
    }
}
