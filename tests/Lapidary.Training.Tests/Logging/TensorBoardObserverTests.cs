namespace Lapidary.Training.Tests.Logging;

public class TensorBoardObserverTests
{
    [Fact]
    public void OnLog_WritesTheTagsOfWhatWasMeasured()
    {
        string folder = Lapidary.Tests.Fixtures.TemporaryFolder();
        byte[] bytes;
        using (var writer = new TensorBoardWriter(folder, TimeProvider.System))
        {
            new ObserverGroup(new TensorBoardObserver(writer)).OnLog(new LogEntry { Step = 3, Epoch = 1, EvalLoss = 2.5 });
            writer.Dispose();
            bytes = File.ReadAllBytes(writer.FileName);
        }

        Directory.Delete(folder, recursive: true);
        string text = System.Text.Encoding.Latin1.GetString(bytes);
        Assert.Contains("eval/loss", text, StringComparison.Ordinal);
        Assert.Contains("train/epoch", text, StringComparison.Ordinal);
        Assert.DoesNotContain("train/loss", text, StringComparison.Ordinal);
    }
}
