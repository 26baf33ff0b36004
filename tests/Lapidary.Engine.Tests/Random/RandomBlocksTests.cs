namespace Lapidary.Engine.Tests;

public sealed class RandomBlocksTests : IDisposable
{
    private readonly CpuBackend _backend = new(1);
    private readonly MemoryRegion _region;

    public RandomBlocksTests() => _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);

    public void Dispose()
    {
        _region.Dispose();
        _backend.Dispose();
    }

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.BFloat16)]
    public void WriteUniform_HasMeanAndSpreadPastTheEndOfTheBlock(DType dtype)
    {
        var tensor = _region.New("x", dtype, 1537, 1025); // 1.5 blocks
        new RandomBlocks(_backend, seed: 3).WriteUniform(tensor, bound: 0.5, mean: 2);

        float[] values = dtype == DType.Float32
            ? tensor.AsSpan<float>().ToArray()
            : [.. tensor.AsSpan<ushort>().ToArray().Select(BFloat16.ToSingle)];
        Assert.All(values.Chunk(1025), row => Assert.All(row, value => Assert.InRange(value, 1.5, 2.5)));
        Assert.All(values.Chunk(values.Length / 5), part =>
        {
            Assert.Equal(2, part.Average(), 0.01);
            Assert.Equal(0.5 / Math.Sqrt(3), Math.Sqrt(part.Average(value => (value - 2.0) * (value - 2))), 0.01);
        });
    }

    [Fact]
    public void WriteBytes_RepeatsNoRowAndNoTensor()
    {
        Tensor a = _region.New("a", DType.UInt8, 3 << 20), b = _region.New("b", DType.UInt8, 3 << 20);
        var random = new RandomBlocks(_backend, seed: 3);
        random.WriteBytes(a);
        random.WriteBytes(b);

        string[] rows = [.. a.AsSpan<byte>().ToArray().Concat(b.AsSpan<byte>().ToArray()).Chunk(1024).Select(Convert.ToBase64String)];
        Assert.Equal(rows.Length, rows.Distinct().Count());
    }

    [Fact]
    public void Write_IsAFunctionOfTheSeed()
    {
        byte[] Bytes(long seed)
        {
            var tensor = _region.New("x", DType.UInt8, 4096);
            new RandomBlocks(_backend, seed).WriteBytes(tensor);
            return tensor.AsSpan<byte>().ToArray();
        }

        Assert.Equal(Bytes(1), Bytes(1));
        Assert.NotEqual(Bytes(1), Bytes(2));
    }

    [Fact]
    public void WriteUniform_RefusesCodes() =>
        Assert.Throws<ShapeException>(() => new RandomBlocks(_backend, seed: 1).WriteUniform(_region.New("x", DType.UInt8, 8), 1));
}
