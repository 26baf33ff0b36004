using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Mpi;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>What this program does as a rank under mpirun, see <see cref="MpiCommunicatorTests"/>. Its exit code tells the
/// result.</summary>
internal static class MpiRank
{
    /// <summary>The program's first argument where it is a rank; the second is the name of its work.</summary>
    public const string Argument = "rank";

    private static readonly Dictionary<string, Action<MpiRuntime>> Works = new()
    {
        [nameof(Exchange)] = Exchange,
        [nameof(KeepSignals)] = KeepSignals,
        [nameof(AllocateNothing)] = AllocateNothing,
        [nameof(Measure)] = Measure,
        [nameof(Stay)] = Stay,
    };

    /// <summary>The signals that end a run, with their numbers on Linux.</summary>
    private static readonly (PosixSignal Signal, int Number)[] Signals =
        [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)];

    /// <summary>Signals that were ignored before the library started.</summary>
    private static ulong _ignored;

    /// <summary>Written by <see cref="Stay"/> once all ranks are there.</summary>
    public const string Ready = "all ranks are there";

    /// <summary>Does one work; returns the exit code.</summary>
    /// <param name="work">A method of this class.</param> <param name="flavor">Of the library; by default the launcher's.</param>
    public static int Run(string work, MpiFlavor? flavor = null)
    {
        try
        {
            _ignored = IgnoredSignals();
            using var mpi = Start(flavor);
            Works[work](mpi);
            mpi.Complete();
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure is LapidaryException ? failure.Message : failure);
            return 1;
        }
    }

    /// <summary>Every body of <see cref="CollectiveBodies"/>.</summary>
    public static void Exchange(MpiRuntime mpi)
    {
        using var backend = new CpuBackend(threads: 1);
        using var communicator = new MpiCommunicator(new CountedGroup(mpi.Rank, mpi.WorldSize), mpi, backend);
        var bodies = new CollectiveBodies(communicator, backend, inRankOrder: true);
        foreach (string name in CollectiveBodies.Names) bodies.Run(name);
    }

    /// <summary>Errors that .NET learns of by signals, and the signals that end a run, arrive although an MPI library has
    /// started.</summary>
    public static void KeepSignals(MpiRuntime mpi)
    {
        Assert.Throws<NullReferenceException>(() => LengthOf(null!));
        Assert.Throws<DivideByZeroException>(() => 1 / mpi.Rank.CompareTo(mpi.Rank));
        foreach (var (signal, number) in Signals)
        {
            if ((_ignored >> (number - 1) & 1) != 0) continue;
            using var arrived = new ManualResetEventSlim();
            using var registration = PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                arrived.Set();
            });
            MpiRun.Send(signal.ToString()[3..], Environment.ProcessId);
            Assert.True(arrived.Wait(TimeSpan.FromSeconds(30)), $"{signal} did not arrive");
        }
    }

    /// <summary>Those that the process was started to ignore, which .NET respects: a shell has a background job of a script ignore SIGINT
    /// and SIGQUIT. A bit for each, from 1 on; none where the system does not say.</summary>
    private static ulong IgnoredSignals()
    {
        const string Status = "/proc/self/status", Mask = "SigIgn:";
        string? line = File.Exists(Status)
            ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Mask, StringComparison.Ordinal))
            : null;
        return line is null ? 0 : ulong.Parse(line.AsSpan(Mask.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LengthOf(string text) => text.Length;

    /// <summary>An exchange allocates nothing, and its buffers are counted.</summary>
    public static void AllocateNothing(MpiRuntime mpi) => WithTensor(mpi, 1_200_012, (communicator, backend, tensor) =>
    {
        long exchange = backend.Memory.LiveBytesOf(MemoryOwner.Exchange), live = backend.Memory.LiveBytes, managed = long.MaxValue;
        Assert.InRange(exchange, 1, 8 << 20);
        for (int i = 0; i < 3; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            communicator.AllReduce(tensor);
            communicator.Broadcast(tensor, 0);
            managed = Math.Min(managed, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, managed);
        Assert.Equal(live, backend.Memory.LiveBytes);
    });

    /// <summary>Stays until it is killed.</summary>
    public static void Stay(MpiRuntime mpi) => WithTensor(mpi, 12, (communicator, _, tensor) =>
    {
        communicator.AllReduce(tensor);
        Console.WriteLine(Ready);
        while (true)
        {
            communicator.AllReduce(tensor);
            Thread.Sleep(10);
        }
    });

    /// <summary>Not a test: the time of an all-reduce of 52 MB, beside a copy of as much memory.</summary>
    public static void Measure(MpiRuntime mpi) => WithTensor(mpi, 13_000_000, (communicator, backend, tensor) =>
    {
        float[] copy = new float[tensor.Count];
        void Time(string what, Action action)
        {
            double best = double.MaxValue;
            for (int i = 0; i < 12; i++)
            {
                long start = Stopwatch.GetTimestamp();
                action();
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            if (mpi.Rank == 0) Console.WriteLine($"{what}: {best:F1} ms, {tensor.LengthBytes / best / 1e6:F1} GB/s of the tensor's bytes");
        }

        Time("copy", () => tensor.AsSpan<float>().CopyTo(copy));
        Time("all-reduce", () => communicator.AllReduce(tensor));
        Time("reduce-scatter", () => communicator.ReduceScatter(tensor));
        Time("all-gather", () => communicator.AllGather(tensor));
        Time("broadcast", () => communicator.Broadcast(tensor, 0));
    });

    private static void WithTensor(MpiRuntime mpi, int count, Action<ICommunicator, CpuBackend, Tensor> body)
    {
        using var backend = new CpuBackend(threads: 1);
        using var communicator = new MpiCommunicator(new CountedGroup(mpi.Rank, mpi.WorldSize), mpi, backend);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Gradients);
        body(communicator, backend, region.New("exchanged", DType.Float32, count));
    }

    private static MpiRuntime Start(MpiFlavor? flavor)
    {
        string? open = Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_SIZE"), hydra = Environment.GetEnvironmentVariable("PMI_SIZE");
        string size = (open ?? hydra) ?? throw new InvalidOperationException("No launcher has started this.");
        return MpiRuntime.Start(
            flavor ?? (open is not null ? MpiFlavor.OpenMpi : MpiFlavor.Mpich), int.Parse(size, CultureInfo.InvariantCulture));
    }
}
