using System.Text.Json;
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
        var options = Small() with { Steps = 3 };
        var observer = new Recorder();
        var backend = TestDevice.Open(Device);

        var result = new DemoRun(options, backend, observer).Run(TestContext.Current.CancellationToken);

        Assert.Equal(["Data", "Before", "Train", "After", "Merge", "Ask"], observer.Steps.Select(step => step.Title));
        Assert.Equal(Commands(options.OutputDir), observer.Steps.Select(step => step.Command));
        Assert.NotEmpty(observer.Results);
        Assert.Equal(3, observer.Trained);
        Assert.Equal((40, 6), result.Rows);
        Assert.Equal((6, 6), (result.Before.Rows, result.After.Rows));
        Assert.Equal(0, result.Before.ExecutionAccuracy); // of random weights
        Assert.InRange(result.MergeDistance, 0, 0.5f);
        Assert.All([result.Model, result.Adapter, result.Merged], folder => Assert.True(Directory.Exists(folder)));
        Assert.Equal(Path.Combine(options.OutputDir, "merged"), result.Merged);
        string report = TrainingReport.Read([result.Adapter]).ToHtml();
        Assert.Matches("<th scope=\"row\">metric before training</th><td>0</td>", report);
        Assert.Matches("<th scope=\"row\">metric after training</th><td>[0-9.]+</td>", report);
        Assert.Contains($"<th scope=\"row\">data</th><td>{options.OutputDir}/data/train.jsonl</td>", report, StringComparison.Ordinal);
        Assert.Contains("after step 3", report, StringComparison.Ordinal); // answers
        string settings = File.ReadAllText(Path.Combine(result.Adapter, "run.yaml"));
        Assert.Contains("dataset: ../data/train.jsonl\n", settings, StringComparison.Ordinal);
        using var question = JsonDocument.Parse(File.ReadAllText(Path.Combine(options.OutputDir, "question.json")));
        var message = Assert.Single(question.RootElement.GetProperty("messages").EnumerateArray()); // as README.md shows it
        Assert.Equal("user", message.GetProperty("role").GetString());
        var merged = GemmaModel.Load(result.Merged, backend);
        Assert.Equal(1024, merged.Config.VocabSize);
        merged.Dispose();
        TestDevice.Close(backend);
    }

    [Fact]
    public void Run_WithoutANumberOfSteps_TakesTheTimeThatItHas()
    {
        var observer = new Recorder();
        var backend = TestDevice.Open(Device);
        var source = new CancellationTokenSource();
        observer.Ends = source;
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "demo");

        Assert.ThrowsAny<OperationCanceledException>(() =>
            new DemoRun(Small() with { OutputDir = folder }, backend, observer).Run(source.Token));

        Assert.InRange(observer.Planned, 240, 1200);
        Assert.Contains($"--max-steps {observer.Planned} ", observer.Steps[^1].Command, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetDirectories(folder), path => path.EndsWith("-trial", StringComparison.Ordinal));
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
            Directory.CreateDirectory(first.Data);
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

    private static DemoOptions Small() => new()
    {
        OutputDir = Path.Combine(Fixtures.TemporaryFolder(), "demo"),
        TrainRows = 40,
        TestRows = 6,
        WriteModel = folder => TinyGemma.Write(folder),
    };

    /// <summary>What a user can type instead of running the demonstration.</summary>
    private static string[] Commands(string folder) =>
    [
        $"lapidary data synth --rows 40 --eval-rows 6 --seed 42 --output {folder}/data --overwrite",
        $"lapidary eval --model {folder}/model --quantization nf4 --dataset {folder}/data/test.jsonl --max-new-tokens 160",
        $"lapidary train --model {folder}/model --dataset {folder}/data/train.jsonl --template text-to-sql --quantization nf4 "
        + $"--output-dir {folder}/adapter --max-steps 3 --learning-rate 0.001 --lr-scheduler-type cosine "
        + "--max-grad-norm 1.0 --lora-dropout 0.05 --gradient-accumulation-steps 1 --gradient-checkpointing false "
        + "--assistant-only-loss true --logging-steps 50 --save-strategy no "
        + $"--eval-dataset {folder}/data/test.jsonl --eval-metric sql_execution --eval-max-new-tokens 160 "
        + "--eval-strategy steps --eval-steps 3 --overwrite-output-dir",
        $"lapidary eval --model {folder}/model --quantization nf4 --adapter {folder}/adapter --dataset {folder}/data/test.jsonl "
        + "--max-new-tokens 160",
        $"lapidary merge --model {folder}/model --adapter {folder}/adapter --base nf4 --output {folder}/merged --overwrite",
        $"lapidary generate --model {folder}/merged --messages {folder}/question.json --max-new-tokens 160",
    ];

    private sealed class Recorder : IDemoObserver
    {
        public List<DemoStep> Steps { get; } = [];

        public List<string> Results { get; } = [];

        public int Trained { get; private set; }

        public int Planned { get; private set; }

        /// <summary>Cancelled after the first step, if there is one.</summary>
        public CancellationTokenSource? Ends { get; set; }

        public void OnDemoStep(DemoStep step) => Steps.Add(step);

        public void OnResult(string text) => Results.Add(text);

        public void OnStep(TrainingProgress progress)
        {
            (Trained, Planned) = (progress.Step, progress.TotalSteps);
            Ends?.Cancel();
        }
    }
}
