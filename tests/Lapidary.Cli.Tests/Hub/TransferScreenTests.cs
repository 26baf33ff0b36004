using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;
using Lapidary.Cli.Tests.Screens;
using Lapidary.Hub;

namespace Lapidary.Cli.Tests.Hub;

public class TransferScreenTests
{
    [Fact]
    public void ALine_HasFilesBytesSpeedAndTimeLeft()
    {
        var progress = new TransferProgress("w", 3, 12, 1L << 30, 2L << 30, 1 << 20);
        Assert.Equal(
            ["1.0 GiB of 2.0 GiB", "left 0:00:08", "128.0 MiB/s", "3 of 12 files", "a/b"],
            TransferScreen.Describe("a/b", progress, 128 << 20));
        Assert.Equal(["1.0 GiB of 2.0 GiB", "3 of 12 files", "a/b"], TransferScreen.Describe("a/b", progress, 0));
    }

    [Fact]
    public void TheBar_StaysInItsRow_AndIsGoneAtTheEnd()
    {
        var error = new StringWriter { NewLine = "\r\n" };
        var screen = new Screen(() => 40, hasCodes: true, hasColour: false);
        var terminal = new Terminal(TextReader.Null, TextWriter.Null, error, screen, errorIsScreen: true);
        TransferScreen.Show(terminal, "a/b", progress =>
        {
            progress!.Report(new TransferProgress("w", 3, 12, 1L << 30, 2L << 30, 1 << 20));
            terminal.Error.WriteLine("note       short");
            return 0;
        });
        var model = new TerminalModel(40);
        model.Write(error.ToString());
        Assert.Contains("━━━━━─────  50 %  1.0 GiB of 2.0 GiB", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(["note       short", ""], model.Rows);
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
