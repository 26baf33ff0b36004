using Lapidary.Formats;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Tests.Logging;

public class ObserverGroupTests
{
    [Fact]
    public void AnObserverThatThrows_IsToldNothingMore_AndTheOthersAreWarnedOnce()
    {
        var (first, last) = (new Recorder(), new Recorder());
        var group = new ObserverGroup(first, new Faulty(() => new LapidaryException("events: the disk is full.")), last);
        group.OnLog(new LogEntry { Step = 1 });
        group.OnLog(new LogEntry { Step = 2 });
        foreach (var recorder in (Recorder[])[first, last])
        {
            Assert.Equal([1, 2], recorder.Steps);
            string warning = Assert.Single(recorder.Messages);
            Assert.StartsWith("warning: Faulty is told nothing more", warning, StringComparison.Ordinal);
            Assert.Contains("the disk is full", warning, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnObserverThatAlsoFailsAtTheWarning_OrIsAlone_EndsNothing()
    {
        var broken = () => new IOException("broken pipe");
        new ObserverGroup(new Faulty(broken), new Faulty(broken)).OnLog(new LogEntry());
        new ObserverGroup(new ObserverGroup(new Faulty(broken))).OnMessage("x");
    }

    [Fact]
    public void Cancelling_IsAnObserversRight()
    {
        var group = new ObserverGroup(new Faulty(() => new OperationCanceledException()));
        Assert.Throws<OperationCanceledException>(() => group.OnLog(new LogEntry()));
    }

    [Fact]
    public void EventsOnAFullDisk_AreOneLine()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "the system has no /dev/full");
        using var writer = new TensorBoardWriter(new FileStream("/dev/full", FileMode.Open, FileAccess.Write), TimeProvider.System);
        var error = Assert.Throws<LapidaryException>(() => writer.Write(1, ("x", 1)));
        Assert.Contains("disk is full", error.Message, StringComparison.Ordinal);
    }

    private sealed class Recorder : ITrainingObserver
    {
        public List<int> Steps { get; } = [];

        public List<string> Messages { get; } = [];

        public void OnLog(LogEntry entry) => Steps.Add(entry.Step);

        public void OnMessage(string message) => Messages.Add(message);
    }

    private sealed class Faulty(Func<Exception> error) : ITrainingObserver
    {
        public void OnLog(LogEntry entry) => throw error();

        public void OnMessage(string message) => throw error();
    }
}
