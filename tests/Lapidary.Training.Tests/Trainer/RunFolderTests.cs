using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Training.Tests;

/// <summary>What a run does to its folder, and what it refuses, from C#.</summary>
public sealed class RunFolderTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();
    private readonly string _out;

    public RunFolderTests() => _out = Path.Combine(_root, "out");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Three steps, each of them saved.</summary>
    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = _out,
        MaxSteps = 3,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 1,
    };

    [Fact]
    public void Train_LeavesWhatTheToolLeaves()
    {
        Directory.CreateDirectory(Path.Combine(_out, "checkpoint-9.tmp-0a1b2c3d")); // of a process that was killed while it saved
        Train(Config);

        string[] expected =
        [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "checkpoint-1", "checkpoint-2", "checkpoint-3",
            "manifest.json", "run.yaml", "runs", "trainer_state.json",
        ];
        Assert.Equal(expected, Names(_out));
        Assert.Single(Directory.GetFiles(Path.Combine(_out, "runs"), "events.out.tfevents.*"));
        string[] lines = File.ReadAllLines(Path.Combine(_out, "run.yaml"));
        Assert.Contains("output_dir: .", lines);
        Assert.Contains("max_steps: 3", lines);
        Assert.Contains("lora_r: 4", lines);
        Assert.Contains("modules_to_save: none", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("overwrite_output_dir", StringComparison.Ordinal));
    }

    [Fact]
    public void Train_WithoutReports_WritesNoEvents()
    {
        Train(Config with { ReportTo = ReportTo.None });
        Assert.False(Directory.Exists(Path.Combine(_out, "runs")));
    }

    [Fact]
    public void Train_InAUsedFolder_IsRefusedAndChangesNothing()
    {
        Train(Config with { SaveStrategy = IntervalStrategy.No });
        var before = Snapshot();

        var error = Assert.Throws<LapidaryException>(() => Train(Config));

        Assert.Contains("OverwriteOutputDir", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public void Train_InAFolderInUse_IsRefused()
    {
        LapidaryException? error = null;
        var second = new Hook(_ => error = Assert.Throws<LapidaryException>(() => Train(Config)));

        Train(Config, observer: second);

        Assert.Contains("in use by process", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_OnFromAnotherRunsCheckpoint_DoesNotMixTwoRuns()
    {
        Train(Config);
        var other = Config with { OutputDir = Path.Combine(_root, "other") };
        Train(other);

        Assert.Throws<LapidaryException>(() => Train(Config, resume: Path.Combine(other.OutputDir, "checkpoint-1")));

        var fresh = Config with { OutputDir = Path.Combine(_root, "fresh") };
        Assert.Equal(3, Train(fresh, resume: Path.Combine(other.OutputDir, "checkpoint-1")).GlobalStep);
        Assert.Equal(
            ["checkpoint-2", "checkpoint-3"], Names(fresh.OutputDir).Where(name => name.StartsWith("ch", StringComparison.Ordinal)));
    }

    [Fact]
    public void Train_ThatOverwrites_KeepsTheOldRunUntilItHasSaved()
    {
        Train(Config);
        byte[] old = File.ReadAllBytes(Path.Combine(_out, "checkpoint-3", "adapter_model.safetensors"));
        string settings = File.ReadAllText(Path.Combine(_out, "run.yaml"));
        bool wasAside = false;
        var look = new Hook(step =>
        {
            if (step != 1) return;
            string aside = Assert.Single(Directory.GetDirectories(_out, "replaced-*"));
            Assert.Equal(old, File.ReadAllBytes(Path.Combine(aside, "checkpoint-3", "adapter_model.safetensors")));
            Assert.Equal(settings, File.ReadAllText(Path.Combine(_out, "run.yaml")));
            wasAside = true;
        });

        Train(Config with { OverwriteOutputDir = true, MaxSteps = 2, Seed = 7 }, observer: look);

        Assert.True(wasAside);
        string[] expected =
        [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "checkpoint-1", "checkpoint-2", "manifest.json", "run.yaml",
            "runs", "trainer_state.json",
        ];
        Assert.Equal(expected, Names(_out));
        Assert.Single(Directory.GetFiles(Path.Combine(_out, "runs"))); // the old run's events went with it
    }

    /// <summary>As it ends by an error, by a cancellation before the first step, and by a check that fails before it starts.</summary>
    [Theory]
    [InlineData("error")]
    [InlineData("cancelled")]
    [InlineData("refused")]
    public void Train_ThatOverwritesAndEndsBeforeItHasSaved_LeavesTheOldRun(string how)
    {
        Train(Config);
        var before = Snapshot();
        using var stop = new CancellationTokenSource();
        if (how == "cancelled") stop.Cancel();
        var config = Config with { OverwriteOutputDir = true, Seed = 7 };
        var fail = new Hook(_ => throw new OperationCanceledException());

        using (var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, observer: how == "error" ? fail : null))
        {
            if (how == "error") Assert.Throws<OperationCanceledException>(() => run.Trainer.Train(cancellationToken: Token));
            else if (how == "cancelled") Assert.False(run.Trainer.Train(cancellationToken: stop.Token).GlobalStep > 0);
            else Assert.Throws<LapidaryException>(() => run.Trainer.Train(Path.Combine(_root, "none"), Token));
        }

        Assert.Equal(before, Snapshot());
    }

    /// <summary>What a killed process leaves: the old run aside, whole or in part, and nothing saved.</summary>
    [Theory]
    [InlineData("replaced-0a1b2c3d")]
    [InlineData("replaced-0a1b2c3d.part")]
    public void Train_AfterAKilledOverwrite_GoesOnWithTheOldRun(string name)
    {
        Train(Config);
        var before = Snapshot();
        string aside = Directory.CreateDirectory(Path.Combine(_out, name)).FullName;
        foreach (string file in Directory.GetFiles(_out)) File.Move(file, Path.Combine(aside, Path.GetFileName(file)));
        string[] checkpoints = ["checkpoint-1", "checkpoint-2", "checkpoint-3"];
        foreach (string folder in name.EndsWith("part", StringComparison.Ordinal) ? checkpoints[..1] : checkpoints)
            Directory.Move(Path.Combine(_out, folder), Path.Combine(aside, folder));
        string events = Directory.GetFiles(Path.Combine(_out, "runs")).Single();
        Directory.CreateDirectory(Path.Combine(aside, "runs"));
        File.Move(events, Path.Combine(aside, "runs", Path.GetFileName(events)));
        File.WriteAllText(Path.Combine(_out, "run.yaml"), "# of the run that was killed");
        if (!name.EndsWith("part", StringComparison.Ordinal)) // it had started
        {
            File.WriteAllText(Path.Combine(_out, "runs", "events.out.tfevents.1.host.1.0"), "its events");
            File.WriteAllText(Path.Combine(_out, "tokenizer.json"), "its tokenizer");
            Directory.CreateDirectory(Path.Combine(_out, "initial-adapter"));
        }

        var messages = new List<string>();

        Assert.Throws<LapidaryException>(() => Train(Config, observer: new Hook(_ => { }, messages)));

        Assert.Equal(before, Snapshot());
        Assert.Contains(messages, message => message.Contains("the earlier run is back", StringComparison.Ordinal));
        Assert.Equal(3, Train(Config, resume: SftTrainer.LatestCheckpoint).GlobalStep);
    }

    [Fact]
    public void Train_ThatOverwritesAndSavesAtItsEndAlone_LeavesTheNewRun()
    {
        Train(Config);

        Train(Config with { OverwriteOutputDir = true, SaveStrategy = IntervalStrategy.No, Seed = 7 });

        string[] expected =
        [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "manifest.json", "run.yaml", "runs", "trainer_state.json",
        ];
        Assert.Equal(expected, Names(_out));
        Assert.Contains("seed: 7", File.ReadAllLines(Path.Combine(_out, "run.yaml")));
    }

    [Fact]
    public void Train_ThatOverwritesAndFailsAfterItHasSaved_LeavesWhatItSaved()
    {
        Train(Config);
        var fail = new Hook(step =>
        {
            if (step == 2) throw new OperationCanceledException();
        });

        Assert.Throws<OperationCanceledException>(() => Train(Config with { OverwriteOutputDir = true, Seed = 7 }, observer: fail));

        Assert.Equal(["checkpoint-1", "manifest.json", "run.yaml", "runs"], Names(_out));
        Assert.Contains("seed: 7", File.ReadAllLines(Path.Combine(_out, "run.yaml")));
    }

    /// <summary>As after a process that was killed between its first save and the end of the run that it replaced.</summary>
    [Fact]
    public void Train_OnFromARunThatReplacedAnother_DeletesTheOtherOne()
    {
        Train(Config);
        string aside = Directory.CreateDirectory(Path.Combine(_out, "replaced-0a1b2c3d", "checkpoint-7")).Parent!.FullName;

        Train(Config with { MaxSteps = 4 }, resume: SftTrainer.LatestCheckpoint);

        Assert.False(Directory.Exists(aside));
        Assert.False(Directory.Exists(Path.Combine(_out, "checkpoint-7")));
    }

    [Fact]
    public void Train_FromAnAdapterInTheSameFolder_KeepsIt()
    {
        Train(Config);
        string start = Path.Combine(_out, "checkpoint-2");
        byte[] weights = File.ReadAllBytes(Path.Combine(start, "adapter_model.safetensors"));
        File.WriteAllText(Path.Combine(start, "chat_template.jinja"), "of the run");

        Train(Config with { OverwriteOutputDir = true, LearningRate = 0 }, adapter: start);

        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_out, "initial-adapter", "adapter_model.safetensors")));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_out, "adapter_model.safetensors")));
        Assert.Equal("of the run", File.ReadAllText(Path.Combine(_out, "initial-adapter", "chat_template.jinja")));
        Assert.Contains("adapter: ./initial-adapter", File.ReadAllLines(Path.Combine(_out, "run.yaml")));
        Assert.Empty(Directory.GetDirectories(_out, "replaced-*"));

        // And once more from that copy.
        Train(Config with { OverwriteOutputDir = true, LearningRate = 0 }, adapter: Path.Combine(_out, "initial-adapter"));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_out, "initial-adapter", "adapter_model.safetensors")));
    }

    [Fact]
    public void Train_LeavesAStrangersFoldersAlone()
    {
        string[] strangers = ["checkpoint-notes.tmp-mine", "replaced-by-hand", "runs-old", "tokenizer.tmp-mine", "runs/sweep"];
        foreach (string name in strangers) Directory.CreateDirectory(Path.Combine(_out, name));

        Train(Config);
        Train(Config with { OverwriteOutputDir = true });

        Assert.All(strangers, name => Assert.True(Directory.Exists(Path.Combine(_out, name)), name));
    }

    [Fact]
    public void Train_StoppedInAnEvaluation_SavesAndDoesItWhereItGoesOn()
    {
        var config = Config with
        {
            EvalStrategy = IntervalStrategy.Steps,
            EvalSteps = 1,
            SaveTotalLimit = 1,
            LoadBestModelAtEnd = true,
        };
        var whole = config with { OutputDir = Path.Combine(_root, "whole") };
        var expected = Train(whole, eval: true);
        using var stop = new CancellationTokenSource();
        TrainerState state;
        using (var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, eval: TrainerRun.RandomRows(4),
            observer: new Hook(step =>
            {
                if (step == 3) stop.Cancel();
            })))
        {
            state = run.Trainer.Train(cancellationToken: stop.Token);
            Assert.False(run.Trainer.IsComplete);
        }

        Assert.Equal(3, state.GlobalStep);
        Assert.False(File.Exists(Path.Combine(_out, "adapter_model.safetensors")));
        Assert.DoesNotContain(state.LogHistory, entry => entry.Step == 3 && entry.EvalLoss is not null);

        var ended = Train(config, resume: SftTrainer.LatestCheckpoint, eval: true);
        Assert.Equal(expected.LogHistory.Select(entry => entry.EvalLoss), ended.LogHistory.Select(entry => entry.EvalLoss));
        Assert.Equal(expected.BestModelCheckpoint, ended.BestModelCheckpoint);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(whole.OutputDir, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(_out, "adapter_model.safetensors")));
    }

    private static TrainerState Train(
        SftConfig config, string? resume = null, ITrainingObserver? observer = null, string? adapter = null, bool eval = false)
    {
        using var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), adapter, observer: observer, eval: eval ? TrainerRun.RandomRows(4) : null);
        return run.Trainer.Train(resume, Token);
    }

    private static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Every file with its content.</summary>
    private (string, string)[] Snapshot() =>
    [
        .. Directory.GetFiles(_out, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => (file, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))))),
    ];

    private sealed class Hook(Action<int> onStep, List<string>? messages = null) : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress) => onStep(progress.Step);

        public void OnMessage(string message) => messages?.Add(message);
    }
}
