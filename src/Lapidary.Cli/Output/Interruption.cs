using System.Runtime.InteropServices;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>Handles Ctrl-C, SIGTERM and SIGHUP. They end the process at once, whatever it is doing, and its temporary files are deleted.
/// Only if a command has declared that it checks for cancellation (<see cref="EndsGracefully"/>), the first signal requests cancellation,
/// and the second ends the process.</summary>
/// <remarks>So long-running code need not check for signals, and the process never waits for code that does not.</remarks>
internal sealed class Interruption : IDisposable
{
    /// <summary>A shell's exit code of a process ended by a signal is this number plus the signal's number.</summary>
    private const int ExitCodeBase = 128;

    private const int InterruptNumber = 2;

    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _graceful;
    private Func<bool>? _handler;

    /// <summary>Starts to listen.</summary>
    public Interruption()
    {
        foreach (var (signal, number) in (ReadOnlySpan<(PosixSignal, int)>)
            [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, InterruptNumber), (PosixSignal.SIGTERM, 15)])
        {
            // nohup and a shell's background jobs start a process that must ignore the signal.
            if (!IsIgnored(number)) _registrations.Add(PosixSignalRegistration.Create(signal, context => Handle(context, number)));
        }
    }

    /// <summary>Called before the process ends; it must not throw.</summary>
    public Action? Ends { get; set; }

    /// <summary>Cancelled by the first signal, if a command handles it.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Declares that the command checks <see cref="Token"/> and then soon ends by itself, until the result is disposed.</summary>
    public IDisposable EndsGracefully()
    {
        Interlocked.Increment(ref _graceful);
        return new Ending(() => Interlocked.Decrement(ref _graceful));
    }

    /// <summary>Passes Ctrl-C to a command until the result is disposed.</summary>
    /// <param name="handler">Returns whether it handled the signal; otherwise Ctrl-C has its usual effect. It runs in parallel to the
    /// command.</param>
    public IDisposable Catch(Func<bool> handler)
    {
        var former = Interlocked.Exchange(ref _handler, handler);
        return new Ending(() => Volatile.Write(ref _handler, former));
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context, int number)
    {
        context.Cancel = true;
        if (IsCaught(number)) return;
        if (Volatile.Read(ref _graceful) > 0 && !_source.IsCancellationRequested)
        {
            _source.Cancel();
            return;
        }

        TemporaryPaths.DeleteAll();
        Ends?.Invoke();
        Environment.Exit(ExitCodeBase + number);
    }

    /// <summary>Whether a command handles a signal; if so, runs its handler.</summary>
    internal bool IsCaught(int number) => number == InterruptNumber && Volatile.Read(ref _handler) is { } handler && handler();

    private static bool IsIgnored(int number)
    {
        const string Status = "/proc/self/status", Ignored = "SigIgn:";
        if (!File.Exists(Status)) return false;
        string mask = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Ignored, StringComparison.Ordinal)) ?? Ignored + "0";
        return (Convert.ToUInt64(mask[Ignored.Length..].Trim(), 16) & 1UL << (number - 1)) != 0;
    }

    private sealed class Ending(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
