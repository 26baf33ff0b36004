using System.Diagnostics;
using Lapidary.Engine.Distributed;
using Lapidary.Engine.Distributed.Nccl;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>The beginning and the end of a communicator.</summary>
[Collection(nameof(DeviceRun))]
public class NcclSetupTests
{
    /// <summary>One GPU is enough to see this: NCCL itself is never asked.</summary>
    [Fact]
    public void TwoRanksOnOneGpu_AreRefused_AlikeOnBoth()
    {
        GpuRanks.Require(gpus: 1);
        string[] messages = new string[2];
        Each(2, _ => 0, (group, backend) => messages[group.Rank] =
            Assert.Throws<LapidaryException>(() => new NcclCommunicator(group, backend)).Message);
        Assert.Equal(messages[0], messages[1]);
        Assert.StartsWith("rank 0 and rank 1 are on one GPU, GPU-", messages[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Uuid_IsTheCardsOwn()
    {
        GpuRanks.Require(gpus: 1);
        string[] names = [.. CudaDevice.All().Select(device => device.Uuid())];
        Assert.All(names, name => Assert.Matches("^GPU(-[0-9a-f]+){5}$", name));
        Assert.Distinct(names);
    }

    [Fact]
    public void Communicator_OfOneRank_LeavesTensorsAsTheyAre()
    {
        GpuRanks.Require(gpus: 1);
        using var backend = new CudaBackend();
        using var communicator = new NcclCommunicator(RankGroup.Solo, backend);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", DType.Float32, 3);
        backend.Write<float>([1, 2, 3], tensor);
        communicator.AllReduce(tensor);
        communicator.ReduceScatter(tensor);
        communicator.AllGather(tensor);
        communicator.Broadcast(tensor, root: 0);
        float[] values = new float[3];
        backend.Read<float>(tensor, values);
        Assert.Equal([1, 2, 3], values);
        Assert.Matches(@"^NCCL \d+\.\d+\.\d+$", communicator.Description);
    }

    [Fact]
    public void Disposal_IsQuick_AndAnotherCommunicatorCanFollow()
    {
        GpuRanks.Require();
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 3; i++)
        {
            Each(GpuRanks.Count, rank => rank, (group, backend) =>
            {
                using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
                var tensor = region.New("x", DType.Float32, 1000);
                TimeSpan before;
                using (var communicator = new NcclCommunicator(group, backend))
                {
                    using var graph = backend.Capture(() => backend.Add(tensor, tensor))!;
                    graph.Run();
                    communicator.AllReduce(tensor);
                    graph.Run();
                    before = clock.Elapsed;
                }

                Assert.True(clock.Elapsed - before < TimeSpan.FromSeconds(4), "The limit of time was needed.");
                backend.Synchronize();
            });
        }
    }

    /// <summary>A rank does not come to an exchange: the others, whose kernels wait for it, end all the same, and their memory can be
    /// freed.</summary>
    [Fact]
    public void Disposal_DoesNotHang_WhereARankIsMissing()
    {
        GpuRanks.Require();
        Each(GpuRanks.Count, rank => rank, (group, backend) =>
        {
            var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
            var communicator = new NcclCommunicator(group, backend);
            var tensor = region.New("x", DType.Float32, 1 << 20);
            backend.Synchronize();
            var clock = Stopwatch.StartNew();
            if (group.Rank > 0) communicator.AllReduce(tensor);
            communicator.Dispose();
            region.Dispose();
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"Took {clock.Elapsed}.");
            Assert.Throws<ObjectDisposedException>(() => communicator.AllReduce(tensor));
        });
    }

    /// <summary>The same on ranks with backends of their own.</summary>
    private static void Each(int count, Func<int, int> deviceOf, Action<ThreadGroup, CudaBackend> body)
    {
        var groups = ThreadGroup.Create(count);
        GpuRanks.OnThreads(count, rank => groups[rank], rank =>
        {
            using var backend = new CudaBackend(deviceOf(rank));
            body(groups[rank], backend);
        });
    }
}
