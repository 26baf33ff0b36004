using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.TextToSql.Demo;
using Lapidary.Training;

namespace Lapidary.TextToSql.Tests;

public class DemoRunTests
{
    /// <summary>Where the demonstration runs.</summary>
    protected virtual string Device => TestDevice.Cpu;

    [Fact]
    public void Run_TellsTheWholeStory()
    {
        var options = new DemoOptions { OutputDir = Path.Combine(Fixtures.TemporaryFolder(), "demo"), Steps = 3, HeldOutRows = 3 };
        var observer = new Recorder();
        var backend = TestDevice.Open(Device);

        var result = new DemoRun(options, backend, observer).Run(TestContext.Current.CancellationToken);

        Assert.Equal(["Prepare", "Quantize", "Train", "Merge", "Generate"], observer.Steps.Select(step => step.Title));
        Assert.All(observer.Steps.Skip(1), step => Assert.StartsWith("lapidary ", step.Command, StringComparison.Ordinal));
        Assert.NotEmpty(observer.Results);
        Assert.Equal(options.Steps, observer.Trained);
        Assert.Equal(Math.Log(1024), result.Before.Loss, tolerance: 0.5);
        Assert.True(result.After.Loss < result.Before.Loss - 0.1, $"{result.After.Loss} is not below {result.Before.Loss}.");
        Assert.Equal(result.After.Loss, result.Merged.Loss, tolerance: 0.05);
        Assert.True(result.ProjectionBytes.Nf4 * 3 < result.ProjectionBytes.BFloat16);
        var merged = GemmaModel.Load(Path.Combine(options.OutputDir, "merged"), backend);
        Assert.Equal(1024, merged.Config.VocabSize);
        merged.Dispose();
        TestDevice.Close(backend);
    }

    [Fact]
    public void Run_RefusesAnExistingDemonstration_UnlessToldToOverwriteIt()
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "demo");
        var first = DemoFolder.Create(folder, overwrite: false);
        File.WriteAllText(first.TrainFile, "old");

        var error = Assert.Throws<LapidaryException>(() => DemoFolder.Create(folder, overwrite: false));
        Assert.Contains("--overwrite", error.Message, StringComparison.Ordinal);

        DemoFolder.Create(folder, overwrite: true);
        Assert.False(File.Exists(first.TrainFile));
    }

    [Fact]
    public void Run_NeverDeletesAFolderOfSomeoneElse()
    {
        string folder = Fixtures.TemporaryFolder();
        string file = Path.Combine(folder, "precious.txt");
        File.WriteAllText(file, "");

        Assert.Throws<LapidaryException>(() => DemoFolder.Create(folder, overwrite: true));

        Assert.True(File.Exists(file));
    }

    [Fact]
    public void Run_RefusesNoSteps()
    {
        using var backend = new CpuBackend(threads: 1);
        var run = new DemoRun(new DemoOptions { Steps = 0 }, backend, new Recorder());

        Assert.Contains("--steps", Assert.Throws<LapidaryException>(() => run.Run(TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    private sealed class Recorder : IDemoObserver
    {
        public List<DemoStep> Steps { get; } = [];

        public List<string> Results { get; } = [];

        public int Trained { get; private set; }

        public void OnDemoStep(DemoStep step) => Steps.Add(step);

        public void OnResult(string text) => Results.Add(text);

        public void OnStep(TrainingProgress progress) => Trained = progress.Step;
    }
}
