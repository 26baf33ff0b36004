using System.Reflection;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Manifests;

/// <summary>What a run from C# writes of itself.</summary>
public sealed class RunManifestTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();
    private readonly string _out;

    public RunManifestTests() => _out = Path.Combine(_root, "out");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private SftConfig Config => TrainerRun.Small() with { OutputDir = _out, MaxSteps = 2, SaveStrategy = IntervalStrategy.No };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static void Train(
        SftConfig config, string? resume = null, ITrainingObserver? observer = null, string? folder = null,
        CancellationToken cancellation = default)
    {
        using var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), adapter: null, observer: observer, eval: TrainerRun.RandomRows(4),
            folder: folder);
        run.Trainer.Train(resume, cancellation);
    }

    private JsonNode Manifest() => JsonNode.Parse(File.ReadAllText(Path.Combine(_out, "manifest.json")))!;

    [Fact]
    public void AFinishedRun_SaysWhatItWasAndWhatCameOfIt()
    {
        Train(Config, cancellation: Token);
        var json = Manifest();
        Assert.Equal("finished", json["state"]!.GetValue<string>());
        string version = typeof(SftTrainer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Assert.Equal(version.Split('+')[0], json["lapidary"]!["version"]!.GetValue<string>());
        Assert.Equal(2, json["settings"]!["max_steps"]!.GetValue<int>());
        Assert.Equal(".", json["settings"]!["output_dir"]!.GetValue<string>());
        Assert.Equal(Config.Seed, json["seed"]!.GetValue<long>());
        Assert.Equal(8, json["data"]!["train"]!["rows"]!.GetValue<int>());
        Assert.Equal(4, json["data"]!["evaluation"]!["rows"]!.GetValue<int>());
        Assert.Equal(2, json["results"]!["global_step"]!.GetValue<int>());
        Assert.True(json["results"]!["eval_loss"]!.GetValue<double>() > 0);
        Assert.Equal(64, json["hashes"]!["data"]!["value"]!.GetValue<string>().Length);
        Assert.StartsWith("XXH128", json["hashes"]!["base_weights"]!["method"]!.GetValue<string>(), StringComparison.Ordinal);
        string adapter = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
            File.ReadAllBytes(Path.Combine(_out, "adapter_model.safetensors"))));
        Assert.Equal(adapter, json["hashes"]!["adapter_model.safetensors"]!["value"]!.GetValue<string>());
        var session = json["sessions"]!.AsArray().Single()!;
        Assert.Equal("finished", session["state"]!.GetValue<string>());
        Assert.NotNull(session["ended"]);
        Assert.True(session["tokens"]!.GetValue<long>() > 0);
        long peak = session["peak_bytes"]!.GetValue<long>();
        Assert.True(peak > 0);
        var planned = session["planned_memory"]!;
        Assert.InRange(peak, 1, planned["bytes"]!.GetValue<long>());
        Assert.Equal(planned["bytes"]!.GetValue<long>(), planned["owners"]!.AsObject().Sum(owner => owner.Value!.GetValue<long>()));
        Assert.Equal(0, json["data"]!["train"]!["truncated_rows"]!.GetValue<int>());
        Assert.True(json["data"]!["train"]!["longest_row"]!.GetValue<int>() > 1);
        Assert.Contains(".NET", session["libraries"]!["dotnet"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void ARunThatGoesOn_AddsASession()
    {
        using var stop = new CancellationTokenSource();
        Train(Config, observer: new Hook(_ => stop.Cancel()), cancellation: stop.Token);
        Assert.Equal("interrupted", Manifest()["state"]!.GetValue<string>());
        Assert.False(File.Exists(Path.Combine(_out, "README.md")));

        Train(Config, SftTrainer.LatestCheckpoint, cancellation: Token);

        var json = Manifest();
        Assert.Equal("finished", json["state"]!.GetValue<string>());
        var sessions = json["sessions"]!.AsArray();
        Assert.Equal(["interrupted", "finished"], sessions.Select(session => session!["state"]!.GetValue<string>()));
        Assert.Equal([0, 1], sessions.Select(session => session!["first_step"]!.GetValue<int>()));
        Assert.Equal([1, 2], sessions.Select(session => session!["last_step"]!.GetValue<int>()));
    }

    /// <summary>Speed is that of the steps, as their lines say it, however long evaluations take.</summary>
    [Fact]
    public void TheSpeed_IsThatOfTheStepsAlone()
    {
        var clock = new Clock();
        var config = Config with { EvalStrategy = IntervalStrategy.Steps, EvalSteps = 1, LoggingSteps = 2, MaxSteps = 4 };
        List<LogEntry> log = [];
        using var run = new TrainerRun(
            TestDevice.Cpu, config, TrainerRun.RandomRows(8), adapter: null, observer: new LogOf(log), eval: TrainerRun.RandomRows(4),
            metric: new TextMetric { OnMeasure = _ => clock.Seconds += 10_000 }, time: clock);
        run.Trainer.Train(cancellationToken: Token);

        var session = Manifest()["sessions"]!.AsArray().Single()!;
        double tokens = session["tokens"]!.GetValue<double>();
        Assert.Equal(4, session["training_seconds"]!.GetValue<double>());
        Assert.True(session["seconds"]!.GetValue<double>() > 40_000);
        Assert.Equal(tokens / 4, session["tokens_per_second"]!.GetValue<double>(), 0.1);
        Assert.Equal([tokens / 4, tokens / 4], log.Where(entry => entry.Loss is not null).Select(entry => entry.TokensPerSecond!.Value));
    }

    [Fact]
    public void ARunThatFails_SaysSo()
    {
        string broken = Variant.Of(Fixtures.Path("tiny/model"), tensors =>
        {
            const string Name = "model.layers.1.self_attn.q_proj.weight";
            tensors[Name] = tensors[Name].With(element: 0, float.NaN);
        });
        Assert.Throws<LapidaryException>(() => Train(Config, cancellation: Token, folder: broken));
        Assert.Equal("failed", Manifest()["state"]!.GetValue<string>());
        Assert.StartsWith("Step 1: the loss of", Manifest()["sessions"]![0]!["error"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheCard_IsWritten_UnlessSomebodyHasOneOfHisOwn()
    {
        Train(Config, cancellation: Token);
        string path = Path.Combine(_out, "README.md"), card = File.ReadAllText(path);
        Assert.Contains("8 rows to train on, 4 to evaluate on", card, StringComparison.Ordinal);
        Assert.Contains("| max_steps | 2 |", card, StringComparison.Ordinal);
        Assert.Contains("AutoPeftModelForCausalLM.from_pretrained(\"out\")", card, StringComparison.Ordinal);
        Assert.Contains("lapidary chat", card, StringComparison.Ordinal);
        Assert.DoesNotContain(_root, card, StringComparison.Ordinal);

        Train(Config with { OverwriteOutputDir = true, MaxSteps = 3 }, cancellation: Token);
        Assert.Contains("| max_steps | 3 |", File.ReadAllText(path), StringComparison.Ordinal);
        File.WriteAllText(path, "mine");
        Train(Config with { OverwriteOutputDir = true }, cancellation: Token);
        Assert.Equal("mine", File.ReadAllText(path));
    }

    /// <summary>A second passes between two looks at it.</summary>
    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds++;
    }

    private sealed class LogOf(List<LogEntry> log) : ITrainingObserver
    {
        public void OnLog(LogEntry entry) => log.Add(entry);
    }

    private sealed class Hook(Action<int> onStep) : ITrainingObserver
    {
        public void OnStep(TrainingProgress progress) => onStep(progress.Step);
    }
}
