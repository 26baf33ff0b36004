using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Exchanges between all GPUs of the machine, against sums in fp64.</summary>
[Collection(nameof(DeviceRun))]
public class NcclCommunicatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(255)]
    [InlineData(4097)]
    [InlineData(1_000_003)]
    [InlineData((1 << 26) + 5)] // more than 2²⁸ bytes
    public void AllReduce_IsTheSum_WithTheSameBitsEverywhereAndAgain(int count) => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", DType.Float32, count);
        rank.Fill(tensor, seed: 1);
        rank.Communicator.AllReduce(tensor);
        float[] sums = rank.Read<float>(tensor);
        rank.AssertSums(sums, seed: 1);
        AssertSameOnAllRanks(rank, sums);
        rank.Fill(tensor, seed: 1);
        rank.Communicator.AllReduce(tensor);
        AssertSameBits(sums, rank.Read<float>(tensor));
    });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(255)]
    [InlineData(4097)]
    [InlineData(1_000_003)]
    public void ReduceScatter_IsTheSumOfTheOwnPart_AndAllGatherBringsTheOthers(int part) => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", DType.Float32, (long)part * rank.WorldSize);
        var own = Shard.Of(tensor, rank.Rank, rank.WorldSize);
        float[][] runs = new float[2][];
        foreach (ref float[] sums in runs.AsSpan())
        {
            rank.Fill(tensor, seed: 2);
            rank.Communicator.ReduceScatter(tensor);
            rank.AssertSums(rank.Read<float>(own), seed: 2, first: (long)part * rank.Rank);
            rank.Communicator.AllGather(tensor);
            sums = rank.Read<float>(tensor);
            rank.AssertSums(sums, seed: 2);
            AssertSameOnAllRanks(rank, sums);
        }

        AssertSameBits(runs[0], runs[1]);
    });

    [Theory]
    [InlineData(DType.UInt8, 1)]
    [InlineData(DType.UInt8, 4097)]
    [InlineData(DType.BFloat16, 3)]
    [InlineData(DType.BFloat16, 1_000_003)]
    [InlineData(DType.Float32, 255)]
    [InlineData(DType.Int64, 255)]
    public void AllGather_BringsEveryPart_OfAnyType(DType dtype, int part) => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", dtype, (long)part * rank.WorldSize);
        int partBytes = checked((int)dtype.LengthBytes(part));
        byte[] expected = Pattern(partBytes * rank.WorldSize), mine = new byte[expected.Length];
        expected.AsSpan(rank.Rank * partBytes, partBytes).CopyTo(mine.AsSpan(rank.Rank * partBytes));
        rank.Backend.Write<byte>(mine, tensor);
        rank.Communicator.AllGather(tensor);
        AssertSameBits<byte>(expected, Bytes(rank, tensor));
    });

    [Theory]
    [InlineData(DType.UInt8, 1)]
    [InlineData(DType.BFloat16, 255)]
    [InlineData(DType.Int32, 4097)]
    [InlineData(DType.Float32, 1_000_003)]
    public void Broadcast_BringsTheRootsValues_FromAnyRoot(DType dtype, int count) => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", dtype, count);
        byte[] expected = Pattern(checked((int)tensor.LengthBytes));
        for (int root = 0; root < rank.WorldSize; root++)
        {
            rank.Backend.Zero(tensor);
            if (rank.Rank == root) rank.Backend.Write<byte>(expected, tensor);
            rank.Communicator.Broadcast(tensor, root);
            AssertSameBits<byte>(expected, Bytes(rank, tensor));
        }
    });

    [Fact]
    public void Exchanges_OfMoreThan2GiB_ReachTheEnd() => GpuRanks.Run(rank =>
    {
        const int Tail = 100;
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        long count = (1L << 29) / rank.WorldSize * rank.WorldSize + 7L * rank.WorldSize;
        Tensor tensor = region.New("x", DType.Float32, count), tail = tensor.Rows(count - Tail, Tail);
        rank.Fill(tail, seed: 3);
        rank.Communicator.AllReduce(tensor);
        float[] sums = rank.Read<float>(tail);
        rank.AssertSums(sums, seed: 3);
        rank.Fill(tail, seed: 3);
        rank.Communicator.ReduceScatter(tensor);
        rank.Communicator.AllGather(tensor);
        rank.AssertSums(rank.Read<float>(tail), seed: 3);
        if (rank.Rank == 0) rank.Fill(tail, seed: 4);
        rank.Communicator.Broadcast(tensor, root: 0);
        Assert.Equal(Enumerable.Range(0, Tail).Select(i => GpuRank.Value(4, rank: 0, i)), rank.Read<float>(tail));
    });

    /// <summary>Exchanges stand between replays as in training, without a wait on the host: what is read too early or cleared too early
    /// shows in the sum.</summary>
    [Fact]
    public void Exchanges_KeepTheirPlaceBetweenReplays() => GpuRanks.Run(rank =>
    {
        const int Rounds = 1000, Part = 250_007;
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        int count = Part * rank.WorldSize;
        Tensor New(string name) => region.New(name, DType.Float32, count);
        Tensor own = New("own"), sum = New("sum"), parts = New("parts"), sent = New("sent"), total = New("total");
        rank.Backend.Write<float>([.. Enumerable.Repeat(rank.Rank + 1f, count)], own);
        void Begin()
        {
            foreach (var tensor in (Tensor[])[sum, parts, sent])
            {
                rank.Backend.Zero(tensor);
                rank.Backend.Add(own, tensor);
            }
        }

        void End()
        {
            foreach (var tensor in (Tensor[])[sum, parts, sent]) rank.Backend.Add(tensor, total);
        }

        using var begin = rank.Backend.Capture(Begin)!;
        using var end = rank.Backend.Capture(End)!;
        float expected = 0, sumOfRanks = rank.WorldSize * (rank.WorldSize + 1) / 2f;
        for (int i = 0; i < Rounds; i++)
        {
            int root = i % rank.WorldSize;
            begin.Run();
            rank.Communicator.AllReduce(sum);
            rank.Communicator.ReduceScatter(parts);
            rank.Communicator.AllGather(parts);
            rank.Communicator.Broadcast(sent, root);
            end.Run();
            expected += 2 * sumOfRanks + root + 1;
        }

        Assert.Equal([expected], rank.Read<float>(total).Distinct());
    });

    [Fact]
    public void Exchange_IsNotCaptured() => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        var tensor = region.New("x", DType.Float32, 8);
        Assert.Throws<InvalidOperationException>(() => rank.Backend.Capture(() => rank.Communicator.AllReduce(tensor)));
    });

    [Fact]
    public void WrongTensors_AreRefused() => GpuRanks.Run(rank =>
    {
        using var region = new MemoryRegion(rank.Backend.Memory, MemoryOwner.Workspace);
        Tensor halves = region.New("h", DType.BFloat16, 8), codes = new(DType.NF4, 64);
        var uneven = region.New("u", DType.Float32, rank.WorldSize + 1);
        Assert.Throws<ShapeException>(() => rank.Communicator.AllReduce(halves));
        Assert.Throws<ShapeException>(() => rank.Communicator.ReduceScatter(uneven));
        Assert.Throws<ShapeException>(() => rank.Communicator.AllGather(uneven));
        Assert.Throws<ShapeException>(() => rank.Communicator.Broadcast(codes, root: 0));
    });

    [Theory]
    [InlineData(Collective.AllReduce)]
    [InlineData(Collective.ReduceScatter)]
    [InlineData(Collective.AllGather)]
    public void Timer_FindsABandwidth(Collective collective) => GpuRanks.Run(rank =>
    {
        var timer = new CollectiveTimer(rank.Communicator, rank.Backend, TimeProvider.System);
        foreach (long lengthBytes in (long[])[300_000, 52L << 20, 1208L << 20])
        {
            var time = timer.Time(collective, lengthBytes);
            Assert.InRange(time.BusBytesPerSecond, 1e7, 2e12);
            if (rank.Rank == 0)
            {
                TestContext.Current.TestOutputHelper?.WriteLine(
                    $"{collective} of {ByteSize.Format(time.LengthBytes)}: {time.Seconds * 1e3:F3} ms, "
                    + $"{time.BusBytesPerSecond / 1e9:F1} GB/s");
            }
        }
    });

    private static byte[] Bytes(GpuRank rank, Tensor tensor)
    {
        byte[] bytes = new byte[tensor.LengthBytes];
        rank.Backend.Read<byte>(tensor, bytes);
        return bytes;
    }

    private static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(i * 7 + i / 251 + 1);
        return bytes;
    }

    private static void AssertSameBits<T>(T[] expected, T[] actual) where T : unmanaged =>
        Assert.True(MemoryMarshal.AsBytes<T>(expected).SequenceEqual(MemoryMarshal.AsBytes<T>(actual)), "The bits differ.");

    private static void AssertSameOnAllRanks(GpuRank rank, float[] values)
    {
        var hashes = rank.Group.Gather(SHA256.HashData(MemoryMarshal.AsBytes<float>(values)));
        Assert.All(hashes, hash => Assert.Equal(hashes[0], hash));
    }
}
