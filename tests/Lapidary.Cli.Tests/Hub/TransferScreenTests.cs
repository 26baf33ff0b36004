using Lapidary.Cli.Hub;
using Lapidary.Hub;

namespace Lapidary.Cli.Tests.Hub;

public class TransferScreenTests
{
    [Fact]
    public void ALine_HasFilesBytesSpeedAndTimeLeft()
    {
        var progress = new TransferProgress("w", 3, 12, 1L << 30, 2L << 30, 1 << 20);
        Assert.Equal(
            "a/b: 3 of 12 files, 1.0 GiB of 2.0 GiB, 128.0 MiB/s, left 0:00:08",
            TransferScreen.Describe("a/b", progress, 128 << 20, 80));
        Assert.Equal("a/b: 3 of 12 files, 1.0 GiB of 2.0 GiB", TransferScreen.Describe("a/b", progress, 0, 80));
    }

    [Fact]
    public void ALine_IsNoWiderThanThereIsRoomFor()
    {
        var progress = new TransferProgress("w", 3, 12, 1L << 30, 2L << 30, 1 << 20);
        for (int width = 0; width <= 100; width++)
        {
            foreach (double speed in (double[])[0, 128 << 20])
                Assert.True(TransferScreen.Describe("google/gemma-3-1b-pt", progress, speed, width).Length <= width);
        }

        Assert.Equal("1.0 GiB of 2.0 GiB", TransferScreen.Describe("a/b", progress, 0, 20));
        Assert.Equal("128.0 MiB/s, left 0:00:08", TransferScreen.Describe("a/b", progress, 128 << 20, 33));
    }

    [Fact]
    public void Speed_IsThatOfTheLastSeconds()
    {
        var speed = new TransferSpeed();
        Assert.Equal(0, speed.At(TimeSpan.Zero, 0));
        for (int second = 1; second <= 20; second++) Assert.Equal(100, speed.At(TimeSpan.FromSeconds(second), 100 * second), 1e-6);
        double later = 0;
        for (int second = 21; second <= 30; second++) later = speed.At(TimeSpan.FromSeconds(second), 2000 + 10 * (second - 20));
        Assert.Equal(10, later, 1e-6);
    }
}
