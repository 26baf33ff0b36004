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
        Assert.Null(observer.Steps[0].Command);
        Assert.Equal(Commands(options.OutputDir), observer.Steps.Skip(1).Select(step => step.Command));
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
        string notes = Path.Combine(folder, "notes.txt"), trainFile;
        using (var first = DemoFolder.Create(folder, overwrite: false))
        {
            Assert.Contains(
                "in use by", Assert.Throws<LapidaryException>(() => DemoFolder.Create(folder, overwrite: true)).Message,
                StringComparison.Ordinal);
            trainFile = first.TrainFile;
            File.WriteAllText(trainFile, "old");
            File.WriteAllText(notes, "mine");
        }

        var error = Assert.Throws<LapidaryException>(() => DemoFolder.Create(folder, overwrite: false));
        Assert.Contains("set Overwrite to true", error.Message, StringComparison.Ordinal);

        DemoFolder.Create(folder, overwrite: true).Dispose();
        Assert.False(File.Exists(trainFile));
        Assert.True(File.Exists(notes));
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

        var error = Assert.Throws<LapidaryException>(() => run.Run(TestContext.Current.CancellationToken));
        Assert.Contains("steps must be at least 1", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What a user can type instead of running the demonstration.</summary>
    private static string[] Commands(string folder) =>
    [
        $"lapidary quantize --model {folder}/model --output {folder}/model-nf4 --overwrite",
        $"lapidary train --model {folder}/model --dataset {folder}/train.jsonl --template text-to-sql --quantization nf4 "
        + $"--output-dir {folder}/adapter --max-length 512 --max-steps 3 --learning-rate 0.004 --lr-scheduler-type cosine "
        + "--max-grad-norm 1.0 --lora-dropout 0.0 --gradient-accumulation-steps 1 --gradient-checkpointing false "
        + "--assistant-only-loss true --logging-steps 100 --save-strategy no --overwrite-output-dir",
        $"lapidary merge --model {folder}/model --adapter {folder}/adapter --base nf4 --output {folder}/merged --overwrite",
        $"lapidary generate --model {folder}/merged --messages {folder}/question.json --max-new-tokens 48",
    ];

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
