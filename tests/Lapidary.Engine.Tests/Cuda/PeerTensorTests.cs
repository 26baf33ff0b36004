using Lapidary.Engine.Distributed.Peers;
using Lapidary.Engine.Tests.Distributed;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Divided tensors that GPUs read from each other over NVLink.</summary>
[Collection(nameof(DeviceRun))]
public sealed class PeerTensorTests
{
    public static TheoryData<string> Bodies =>
        [.. CollectiveBodies.Names.Where(name => name.StartsWith("Divided_", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Bodies))]
    public void OfGpus(string body) => GpuRanks.Run(rank =>
    {
        RequirePeers(rank);
        new CollectiveBodies(rank.Communicator, rank.Backend, inRankOrder: true).Run(body);
    });

    /// <summary>Sums and gathers stand between replays as in training, without a wait on the host. Ranks read other ranks' parts only
    /// when they may, and those are written again right after.</summary>
    [Fact]
    public void Exchanges_KeepTheirPlaceBetweenReplays() => GpuRanks.Run(rank =>
    {
        RequirePeers(rank);
        const int Rounds = 300, Part = 2_000_000, Columns = 64;
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Gradients);
        Tensor New(string name, long count) => region.New(name, DType.Float32, count);
        int count = Part * rank.WorldSize;
        Tensor gradient = New("gradient", count), values = New("values", count), one = New("one", count), total = New("total", count);
        Tensor own = Shard.Of(values, rank.Rank, rank.WorldSize), ownGradient = Shard.Of(gradient, rank.Rank, rank.WorldSize);
        Tensor rows = New("rows", Columns), ids = region.New("ids", DType.Int32, 1);
        rank.Backend.Write<float>([.. Enumerable.Repeat(1f, count)], one);
        int next = (rank.Rank + 1) % rank.WorldSize * (Part / Columns) + 5;
        rank.Backend.Write<int>([next], ids);
        using var begin = rank.Backend.Capture(() =>
        {
            rank.Backend.Add(values.Rows((long)next * Columns, Columns), rows);
        })!;
        using var middle = rank.Backend.Capture(() =>
        {
            rank.Backend.Add(values, total);
            rank.Backend.Zero(gradient);
            rank.Backend.Add(one, gradient);
        })!;
        using var update = rank.Backend.Capture(() => rank.Backend.Add(ownGradient, own))!;
        using var dividedGradient = rank.Communicator.Divide(gradient);
        using var dividedValues = rank.Communicator.Divide(values);
        float expected = 0, expectedRows = 0;
        for (int i = 0; i < Rounds; i++)
        {
            if (i > 0) dividedValues.FetchRows(ids, Columns);
            begin.Run();
            dividedValues.EndGather();
            middle.Run();
            dividedGradient.ReduceScatter();
            update.Run();
            dividedValues.BeginGather();
            expected += i * rank.WorldSize;
            expectedRows += i * rank.WorldSize;
        }

        dividedValues.EndGather();
        Assert.Equal([expected], rank.Read<float>(total).Distinct());
        Assert.Equal([expectedRows], rank.Read<float>(rows).Distinct());
        Assert.Equal([(float)Rounds * rank.WorldSize], rank.Read<float>(values).Distinct());
    });

    [Fact]
    public void Exchange_IsNotCaptured() => GpuRanks.Run(rank =>
    {
        RequirePeers(rank);
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Gradients);
        using var divided = rank.Communicator.Divide(region.New("x", DType.Float32, 8L * rank.WorldSize));
        Assert.Throws<InvalidOperationException>(() => rank.Backend.Capture(divided.ReduceScatter));
        Assert.Throws<InvalidOperationException>(() => rank.Backend.Capture(divided.BeginGather));
    });

    private static void RequirePeers(GpuRank rank)
    {
        var link = CudaDevice.Get(0).LinkTo(CudaDevice.Get(1));
        Assert.SkipWhen(link != CudaLink.NVLink, $"The GPUs reach each other by {link}, not by NVLink.");
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Gradients);
        using var divided = rank.Communicator.Divide(region.New("x", DType.Float32, rank.WorldSize));
        Assert.IsType<PeerTensor>(divided);
    }
}
