namespace Lapidary.Engine.Tests.Memory;

public class HostMemoryTests
{
    /// <summary>On every system; before a collection the runtime itself would report all memory as free.</summary>
    [Fact]
    public void AvailableBytes_AreSome_AndFewerThanAll()
    {
        long total = HostMemory.TotalBytes;
        Assert.InRange(HostMemory.AvailableBytes, 1L << 20, total);
        if (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()) Assert.True(HostMemory.AvailableBytes < total);
    }
}
