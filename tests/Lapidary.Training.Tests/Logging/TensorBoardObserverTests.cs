

namespace Lapidary.Training.Tests.Logging;

public class TensorBoardObserverTests
{
    [Fact]
    public void OnLog_WritesTheTagsOfWhatWasMeasured()
    {
        string folder = Lapidary.Tests.Fixtures.TemporaryFolder();
        using (var observer = new TensorBoardObserver(folder))
            new ObserverGroup(observer).OnLog(new LogEntry { Step = 3, Epoch = 1, EvalLoss = 2.5 });
        byte[] bytes = File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder)));

        Directory.Delete(folder, recursive: true);
        string text = System.Text.Encoding.Latin1.GetString(bytes);
        Assert.Contains("eval/loss", text, StringComparison.Ordinal);
        Assert.Contains("train/epoch", text, StringComparison.Ordinal);
        Assert.DoesNotContain("train/loss", text, StringComparison.Ordinal);
    }
}
