using System.Runtime.ExceptionServices;
using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Nccl;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>All GPUs of the machine as ranks of one run, each with a thread of its own while a test runs. Below two GPUs, or without NCCL,
/// tests are skipped with the reason.</summary>
internal static class GpuRanks
{
    /// <summary>No test takes as long: a rank that waits for another hangs.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly Lazy<GpuRank[]> Connected = new(Connect);

    /// <summary>Number of ranks.</summary>
    public static int Count => CudaDevice.Count();

    /// <summary>Skips the test where there is no GPU or no NCCL. With several GPUs and LAPIDARY_REQUIRE_CUDA=1 a missing NCCL is a
    /// failure.</summary>
    public static void Require(int gpus = 2)
    {
        TestDevice.RequireGpu();
        Assert.SkipWhen(Count < gpus, $"This test needs {gpus} GPUs; there is {Count}.");
        if (CudaLibraries.Find(CudaLibrary.Nccl) is not null) return;
        string reason = CudaLibraries.HowToInstall(CudaLibrary.Nccl);
        if (Count > 1 && Environment.GetEnvironmentVariable("LAPIDARY_REQUIRE_CUDA") == "1") Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>Runs the same on every rank. All share one communicator, which stays for the next test.</summary>
    public static void Run(Action<GpuRank> body)
    {
        Require();
        var ranks = Connected.Value;
        OnThreads(ranks.Length, i => ranks[i].Group, i => body(ranks[i]));
    }

    /// <summary>Runs the same on every rank of some threads, and throws the first error, not those of ranks that waited for its
    /// rank.</summary>
    public static void OnThreads(int count, Func<int, ThreadGroup> groupOf, Action<int> body)
    {
        Exception? first = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(rank => new Thread(() =>
        {
            try
            {
                body(rank);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref first, e, null); // before others fail of it
                groupOf(rank).Fail("gone");
            }
        })
        { IsBackground = true })];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) Assert.True(thread.Join(Limit), "A rank hangs.");
        if (first is not null) ExceptionDispatchInfo.Throw(first);
    }

    private static GpuRank[] Connect()
    {
        var groups = ThreadGroup.Create(Count);
        var ranks = new GpuRank[Count];
        OnThreads(ranks.Length, i => groups[i], i =>
        {
            var backend = new CudaBackend(i);
            ranks[i] = new GpuRank(groups[i], backend, new NcclCommunicator(groups[i], backend));
        });
        return ranks;
    }
}

/// <summary>One of the ranks.</summary>
internal sealed record GpuRank(ThreadGroup Group, CudaBackend Backend, NcclCommunicator Communicator)
{
    public int Rank => Group.Rank;

    public int WorldSize => Group.WorldSize;

    /// <summary>The same number everywhere for a rank's element, between −½ and ½.</summary>
    public static float Value(int seed, int rank, long element)
    {
        ulong x = (ulong)element * 0x9E3779B97F4A7C15 + (ulong)(rank * 131 + seed) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 31)) * 0x94D049BB133111EB;
        return (float)(((x ^ (x >> 29)) >> 40) * (1.0 / (1 << 24)) - 0.5);
    }

    /// <summary>Writes the rank's values.</summary>
    public void Fill(Tensor tensor, int seed)
    {
        float[] values = new float[tensor.Count];
        for (int i = 0; i < values.Length; i++) values[i] = Value(seed, Rank, i);
        Backend.Write<float>(values, tensor);
    }

    public T[] Read<T>(Tensor tensor) where T : unmanaged
    {
        var values = new T[tensor.Count];
        Backend.Read<T>(tensor, values);
        return values;
    }

    /// <summary>The values are sums over the ranks from an element on: off by no more than rounding in any order of the ranks.</summary>
    public void AssertSums(float[] values, int seed, long first = 0)
    {
        for (int i = 0; i < values.Length; i++)
        {
            double sum = 0, size = 0;
            for (int rank = 0; rank < WorldSize; rank++)
            {
                double value = Value(seed, rank, first + i);
                sum += value;
                size += Math.Abs(value);
            }

            double error = Math.Abs(values[i] - sum), allowed = (WorldSize - 1) * Math.Pow(2, -24) * size;
            if (!(error <= allowed)) Assert.Fail($"Rank {Rank}: element {first + i} is {values[i]}, expected {sum}, off by {error}.");
        }
    }
}
