using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Connects the ranks of a run.</summary>
public static partial class RankGroups
{
    /// <summary>The variable with the secret of the ranks.</summary>
    private const string Token = "LAPIDARY_TOKEN";

    internal static string OwnVersion { get; } =
        typeof(RankGroups).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";

    /// <summary>Returns the group of this process's only rank after all others have joined. <see cref="LocalRanks.Run"/> does this and
    /// more: it finds the rank's device, and informs the others if this rank's work throws. Without it, call <see cref="RankGroup.Fail"/>
    /// in that case, before disposing the group.</summary>
    /// <returns>The group; <see cref="RankGroup.Solo"/> if no launcher started other processes.</returns>
    /// <exception cref="LapidaryException">Some do not come, or do not fit; or the launcher's variables are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static RankGroup Join(RankGroupOptions options, CancellationToken cancellation = default) =>
        JoinAll(options, devices: 1, cancellation)[0];

    /// <summary>Returns the groups of this process's ranks, one for the thread of each device, after all others have joined.</summary>
    /// <param name="options">How the processes find each other.</param>
    /// <param name="devices">Number of ranks of this process; the same in all processes.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LapidaryException">Some do not come, or do not fit; or the launcher's variables are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<RankGroup> JoinAll(RankGroupOptions options, int devices, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(devices, 1);
        var place = options.Place ?? LaunchPlace.Find(options.Variable);
        if (place.RanksPerProcess is { } expected && expected != devices)
            throw new LapidaryException($"{place.RanksVariable} asks for {expected} ranks on each machine, but this one, {options.Host}, "
                + $"has {devices} devices for the run: make them equal.");
        if (place.Processes > 1) return Meet(options, place, devices, cancellation);
        return devices == 1 ? [RankGroup.Solo] : ThreadGroup.Create(
            devices, options.WaitLimit, options.Lost ?? (line => Leave(1, line)));
    }

    /// <summary>Ends this process at once. It neither waits for threads that may hang in an exchange, nor runs exit handlers.</summary>
    /// <param name="exitCode">0 to 255; not 0 after an error.</param>
    public static void Leave(int exitCode)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit(exitCode);
        else ExitAtOnce(exitCode);
    }

    /// <summary>As <see cref="Leave(int)"/>, after a line on standard error.</summary>
    internal static void Leave(int exitCode, string line)
    {
#pragma warning disable RS0030 // nobody is left who could tell the user
        Console.Error.WriteLine(line);
#pragma warning restore RS0030
        Leave(exitCode);
    }

    private static TcpGroup[] Meet(RankGroupOptions options, LaunchPlace place, int devices, CancellationToken cancellation)
    {
        var secret = Secret.Of(options.Variable(Token));
        Listeners? listeners = null;
        try
        {
            IReadOnlyList<DnsEndPoint> places;
            if (place.Address is null && !(place.IsOneHost && place.Port is not null))
            {
                (listeners, secret, places) = MeetByBroadcast(options, place, cancellation);
            }
            else
            {
                string host = place.IsOneHost ? "127.0.0.1" : place.Address!.Trim('[', ']');
                int port = place.Port ?? LaunchPlace.DefaultPort;
                if (place.Process == 0) listeners = Listeners.Open(host, port, options.Times, cancellation);
                places = [new DnsEndPoint(host, port)];
            }

            if (listeners is not null) TellWhere(options, listeners, secret);
            return JoinThreads(options, place, devices, listeners, secret, places, cancellation);
        }
        finally
        {
            listeners?.Dispose();
        }
    }

    private static (Listeners? Listeners, Secret Secret, IReadOnlyList<DnsEndPoint> Places) MeetByBroadcast(
        RankGroupOptions options, LaunchPlace place, CancellationToken cancellation)
    {
        // MPI itself waits for ever for a process that does not come.
        using var limit = new Timer(
            _ => (options.Lost ?? (line => Leave(1, line)))(
                $"MPI did not start within {options.StartLimit.TotalSeconds:0.#} s: not all of the {place.Processes} processes that "
                + $"{place.Launcher} started have come to it. Look at their output."),
            null, options.StartLimit, Timeout.InfiniteTimeSpan);
        var channel = options.Broadcast?.Invoke(place) ?? MpiBroadcast.Of(place)
            ?? throw new LapidaryException($"{place.Launcher} does not say where rank 0 is: set MASTER_ADDR on all ranks to its machine.");
        if (place.Process > 0)
        {
            var (key, places) = AddressExchange.Hear(channel);
            return (null, new Secret(key), places);
        }

        try
        {
            var listeners = place.IsOneHost
                ? Listeners.Open("127.0.0.1", 0, options.Times, cancellation) : Listeners.OpenAll(options.Times, cancellation);
            byte[] key = Secret.Nonce();
            AddressExchange.Tell(channel, key, listeners.EndPoints);
            return (listeners, new Secret(key), [.. listeners.EndPoints.Select(place => new DnsEndPoint($"{place.Address}", place.Port))]);
        }
        catch (LapidaryException e)
        {
            AddressExchange.TellFailure(channel, e.Message);
            throw;
        }
    }

    private static void TellWhere(RankGroupOptions options, Listeners listeners, Secret secret)
    {
        string where = string.Join(", ", listeners.EndPoints);
        string any = listeners.IsAny ? ", all addresses of this machine" : "";
        if (listeners.EndPoints.All(place => IPAddress.IsLoopback(place.Address))) return; // nothing that anybody has to know
        bool isOpen = !secret.IsSet;
        string open = isOpen ? $"; without {Token} any process that reaches it could join" : "";
        options.Note?.Invoke($"rank 0 awaits the others at {where}{any}{open}");
    }

    /// <summary>Each rank of this process joins on a separate thread; if one cannot, none does.</summary>
    private static TcpGroup[] JoinThreads(RankGroupOptions options, LaunchPlace place, int devices, Listeners? listeners, Secret secret,
        IReadOnlyList<DnsEndPoint> places, CancellationToken cancellation)
    {
        var groups = new TcpGroup?[devices];
        var once = new Once(options.Lost ?? (line => Leave(1, line)));
        var settings = new TcpGroupSettings(place, options.WaitLimit, options.Times, once.Tell) { Done = MpiStart.Complete };
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Exception? failure = null;
        var threads = Enumerable.Range(0, devices).Select(device => new Thread(() =>
        {
            try
            {
                groups[device] = JoinOne(options, settings, place.RankOf(device, devices), place.Processes * devices, listeners, secret,
                    places, ending.Token);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
                ending.Cancel();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        if (failure is null) return groups!;
        foreach (var group in groups) group?.Dispose();
        cancellation.ThrowIfCancellationRequested();
        throw failure is LapidaryException ? new LapidaryException(failure.Message, failure) : failure;
    }

    private static TcpGroup JoinOne(RankGroupOptions options, TcpGroupSettings settings, int rank, int world, Listeners? listeners,
        Secret secret, IReadOnlyList<DnsEndPoint> places, CancellationToken cancellation)
    {
        var own = new Hello(Hello.OwnProtocol, rank, world, options.Host, Environment.ProcessId, options.Version, settings.Place.Run);
        if (rank == 0)
        {
            var rendezvous = new Rendezvous(listeners!, own, secret, options.Times, options.StartLimit, options.Note);
            var (links, hosts) = rendezvous.Meet(cancellation);
            return new LeaderGroup(links, hosts, settings);
        }
        else
        {
            var (link, hosts) = new Arrival(places, own, secret, options.Times, options.StartLimit).Meet(cancellation);
            return new MemberGroup(rank, link, hosts, settings);
        }
    }

    /// <summary>exit(3) would run handlers of libraries that wait for the exchange that hangs.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitAtOnce(int code);

    /// <summary>Reports a loss once for all ranks of a process.</summary>
    private sealed class Once(Action<string> tell)
    {
        private int _told;

        public void Tell(string line)
        {
            if (Interlocked.Exchange(ref _told, 1) == 0) tell(line);
        }
    }
}
