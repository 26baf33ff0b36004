namespace Lapidary.Engine.Tests.Cuda;

[Collection(nameof(DeviceRun))]
public class DeviceRandomBlocksTests
{
    [Fact]
    public void Write_GivesTheBytesOfTheCpu()
    {
        using var cpu = new CpuBackend(1);
        byte[] Bytes(IBackend backend)
        {
            using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
            Tensor codes = region.New("codes", DType.UInt8, (1 << 20) + 77), numbers = region.New("numbers", DType.BFloat16, 1031, 1033);
            var random = new RandomBlocks(backend, seed: 5);
            random.WriteBytes(codes);
            random.WriteUniform(numbers, bound: 1);
            var bytes = new byte[codes.LengthBytes + numbers.LengthBytes];
            backend.Read(codes, bytes.AsSpan(0, (int)codes.LengthBytes));
            backend.Read(numbers, bytes.AsSpan((int)codes.LengthBytes));
            return bytes;
        }

        using var run = DeviceRun.On("cuda");
        Assert.Equal(Bytes(cpu), Bytes(run.Backend));
    }
}
