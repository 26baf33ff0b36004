using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Cli.Commands;
using Lapidary.Cli.History;
using Lapidary.Cli.Screens;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Tests.Commands;

public sealed class RunsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Train(string output, params string[] more) => CliRun.Of([
        "train", "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(6)),
        "--output-dir", Path.Combine(_folder["exp"], output), "--threads", "1", "--packing", "false", "--max-length", "16",
        "--target-modules", "q_proj,v_proj", "--modules-to-save", "none", "--logging-steps", "1", "--max-steps", "2", .. more]).Ok();

    [Fact]
    public void Runs_ShowsEachRun_WithTheOptionsThatDiffer_AndSaysWhatItCannotRead()
    {
        Train("low", "--learning-rate", "1e-4", "--test-size", "2");
        Train("sub/high", "--learning-rate", "5e-3", "--test-size", "2");
        File.Delete(Path.Combine(_folder["exp"], "low", "manifest.json")); // as older versions leave a run
        string damaged = Directory.CreateDirectory(Path.Combine(_folder["exp"], "damaged")).FullName;
        File.WriteAllText(Path.Combine(damaged, "trainer_state.json"), "{");

        var run = CliRun.Of("runs", _folder["exp"]).Ok();

        string[] lines = run.Out.TrimEnd().Split('\n');
        Assert.Matches(@"^run +state +steps +loss +eval +learning_rate +model +time +tok/s +started$", lines[0]);
        Assert.Equal(3, lines.Length);
        Assert.Contains(lines, line => line.StartsWith("sub/high", StringComparison.Ordinal)
            && line.Contains("finished", StringComparison.Ordinal) && line.Contains("2/2", StringComparison.Ordinal)
            && line.Contains("0.005", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("low ", StringComparison.Ordinal)
            && line.Contains("0.0001", StringComparison.Ordinal));
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
        Assert.Contains(damaged, run.Error, StringComparison.Ordinal);

        var json = CliRun.Of("runs", _folder["exp"], "--json", "--sort", "name").Ok().Json;
        Assert.Equal(["low", "sub/high"], json.GetProperty("runs").EnumerateArray().Select(one => one.GetProperty("name").GetString()!));
        Assert.Equal(["learning_rate"], json.GetProperty("differing_settings").EnumerateArray().Select(key => key.GetString()!));
        Assert.Single(json.GetProperty("unreadable").EnumerateArray());
        var high = json.GetProperty("runs")[1];
        Assert.True(high.GetProperty("eval_loss").GetDouble() > 0);
        Assert.Equal(2, high.GetProperty("max_steps").GetInt32());
        Assert.Equal(JsonValueKind.String, high.GetProperty("started").ValueKind);
    }

    /// <summary>A run without a manifest needs its run.yaml. One line says what is wrong with it, and the others are listed.</summary>
    [Fact]
    public void Runs_WithABrokenSettingsFile_AreNamed_AndTheOthersListed()
    {
        foreach (string name in (string[])["one", "two", "three"]) Train(name, "--test-size", "2");
        foreach (string name in (string[])["one", "two"]) File.Delete(Path.Combine(_folder["exp"], name, "manifest.json"));
        string one = Path.Combine(_folder["exp"], "one", "run.yaml"), two = Path.Combine(_folder["exp"], "two", "run.yaml");
        File.WriteAllText(one, "model: x\nseed: [\n");
        File.WriteAllText(two, "model: x\nsede: 1\n");

        var run = CliRun.Of("runs", _folder["exp"]).Ok();

        Assert.Equal(["run", "three"], run.Out.TrimEnd().Split('\n').Select(line => line.Split(' ')[0]));
        string[] lines = run.Error.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"note       {one}, line 2, column 7: found [ that is not closed;", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"note       {two}, line 2: there is no setting \"sede\"", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_WhereThereAreNone_SaysSo()
    {
        Assert.Contains("there are no runs", CliRun.Of("runs", _folder.Path).Ok().Out, StringComparison.Ordinal);
        CliRun.Of("runs", _folder["nothing"]).AssertError(1, "expected a folder, found none");
    }

    /// <summary>As train's own lines and its last one say it; a manifest of 0.1 knows the whole time alone.</summary>
    [Fact]
    public void TheSpeed_IsThatOfTheStepsAlone()
    {
        Train("one", "--test-size", "2");
        string path = Path.Combine(_folder["exp"], "one", "manifest.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        var session = manifest["sessions"]![0]!;
        (session["tokens"], session["seconds"], session["training_seconds"]) = (4000, 100.0, 40.0);
        Assert.Equal(100, Speed());
        session.AsObject().Remove("training_seconds");
        Assert.Equal(40, Speed());

        double Speed()
        {
            File.WriteAllText(path, manifest.ToJsonString());
            var runs = CliRun.Of("runs", _folder["exp"], "--json").Ok().Json.GetProperty("runs");
            return runs[0].GetProperty("tokens_per_second").GetDouble();
        }
    }

    /// <summary>A run that says it runs, and whose folder no process has, was killed.</summary>
    [Fact]
    public void Runs_OfAKilledProcess_AreInterrupted()
    {
        Train("one");
        string path = Path.Combine(_folder["exp"], "one", "manifest.json");
        string text = File.ReadAllText(path);
        File.WriteAllText(path, text.Replace("\"state\": \"finished\"", "\"state\": \"running\"", StringComparison.Ordinal));
        var json = CliRun.Of("runs", _folder["exp"], "--json").Ok().Json;
        Assert.Equal("interrupted", json.GetProperty("runs")[0].GetProperty("state").GetString());
    }

    /// <summary>A run writes its manifest less often than its events, and holds its folder while it runs.</summary>
    [Fact]
    public void ARunUnderWay_ShowsItsNewestStep()
    {
        Train("one");
        string folder = Path.Combine(_folder["exp"], "one"), path = Path.Combine(folder, "manifest.json");
        File.WriteAllText(path, File.ReadAllText(path)
            .Replace("\"state\": \"finished\"", "\"state\": \"running\"", StringComparison.Ordinal)
            .Replace("\"global_step\": 2", "\"global_step\": 0", StringComparison.Ordinal));
        using var held = FolderLock.Acquire(folder);
        var run = CliRun.Of("runs", _folder["exp"], "--json").Ok().Json.GetProperty("runs")[0];
        Assert.Equal(("running", 2), (run.GetProperty("state").GetString(), run.GetProperty("global_step").GetInt32()));
        Assert.Matches(@"^one +running +2/2 ", CliRun.Of("runs", _folder["exp"]).Ok().Out.Split('\n')[1]);
    }

    /// <summary>The same file is the same, from wherever a run sees it; of others, as much of the path is shown as tells them
    /// apart.</summary>
    [Fact]
    public void Paths_AreCompared_AndShownAsShortAsIsTrue()
    {
        Train("one");
        Train("deep/two");
        var json = CliRun.Of("runs", _folder["exp"], "--json").Ok().Json;
        Assert.Empty(json.GetProperty("differing_settings").EnumerateArray());
        Assert.All(json.GetProperty("runs").EnumerateArray(), run => Assert.Equal(
            _folder.Path, Path.GetDirectoryName(run.GetProperty("settings").GetProperty("dataset").GetString())));
        static FoundRun Run(string name, string data) =>
            new(name, name, "finished") { Settings = new Dictionary<string, string> { ["dataset"] = data } };
        FoundRun[] runs = [Run("x", "/data/a/rows.jsonl"), Run("y", "/data/b/rows.jsonl"), Run("z", "/data/other.jsonl")];
        string[] lines = [.. RunTable.Lines(runs, ["dataset"], 120)];
        Assert.Contains(" a/rows.jsonl ", lines[1], StringComparison.Ordinal);
        Assert.Contains(" b/rows.jsonl ", lines[2], StringComparison.Ordinal);
        Assert.Contains(" other.jsonl ", lines[3], StringComparison.Ordinal);
    }

    /// <summary>A file of the table is for people; --json has all.</summary>
    [Fact]
    public void WithoutAScreen_TheTableIsNarrow()
    {
        Train("one", "--lora-dropout", "0.1", "--weight-decay", "0.1", "--warmup-ratio", "0.5", "--seed", "7", "--max-grad-norm", "2",
            "--lora-r", "4", "--lora-alpha", "9");
        Train("a/rather/long/name/of/a/run/that/goes/on/and/on", "--learning-rate", "3e-3");
        string[] lines = CliRun.Of("runs", _folder["exp"]).Ok().Out.TrimEnd().Split('\n');
        Assert.All(lines, line => Assert.True(line.Length <= 120, line));
        Assert.StartsWith("left out: ", lines[3], StringComparison.Ordinal);
    }

    /// <summary>A run that was resumed differs from its twin in nothing that anybody set.</summary>
    [Fact]
    public void ARunThatWasResumed_DoesNotDiffer()
    {
        Train("one", "--save-strategy", "steps", "--save-steps", "1");
        Train("two", "--save-strategy", "steps", "--save-steps", "1");
        string two = Path.Combine(_folder["exp"], "two");
        Directory.Delete(Path.Combine(two, "checkpoint-2"), recursive: true);
        CliRun.Of("train", "--config", Path.Combine(two, "run.yaml"), "--resume").Ok();
        Assert.Empty(CliRun.Of("runs", _folder["exp"], "--json").Ok().Json.GetProperty("differing_settings").EnumerateArray());
        Assert.DoesNotContain("global_batch_size", File.ReadAllText(Path.Combine(two, "run.yaml")), StringComparison.Ordinal);
        Assert.Contains("gradient_accumulation_steps: 4\n", File.ReadAllText(Path.Combine(two, "run.yaml")), StringComparison.Ordinal);
    }

    /// <summary>Of several ranks, a run's files have the rows of a step; of one, its micro-batches.</summary>
    [Fact]
    public void RowsOfAStep_AreCompared_HoweverTheyAreGiven()
    {
        static FoundRun Run(string name, params (string, string)[] settings) =>
            new(name, name, "finished") { Settings = settings.ToDictionary() };
        var one = Run("a", ("per_device_train_batch_size", "2"), ("gradient_accumulation_steps", "4"));
        var same = Run("b", ("per_device_train_batch_size", "2"), ("global_batch_size", "8"));
        var other = Run("c", ("per_device_train_batch_size", "2"), ("global_batch_size", "16"));
        Assert.Empty(RunComparison.DifferingKeys(RunComparison.Comparable([one, same])));
        var plain = Run("d", ("seed", "42"));
        Assert.Equal(["dtype"], RunComparison.DifferingKeys([plain, Run("e", ("seed", "42"), ("dtype", "auto"))]));
        Assert.Empty(RunComparison.DifferingKeys([plain, Run("e", ("seed", "42"), ("dtype", "auto"))], TrainCommand.AllSettings));
        Assert.Equal(["dtype"], RunComparison.DifferingKeys([plain, Run("f", ("dtype", "float32"))], TrainCommand.AllSettings));
        var compared = RunComparison.Comparable([one, same, other]);
        Assert.Equal(["global_batch_size"], RunComparison.DifferingKeys(compared));
        Assert.Equal(["8", "8", "16"], compared.Select(run => run.Settings["global_batch_size"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\n  \"manifest_version\": 1,")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\0\u0001\u00FF")]
    [InlineData("{\"manifest_version\": 1, \"results\": 5}")]
    [InlineData("{\"manifest_version\": 99}")]
    public void ADamagedManifest_DoesNotHideTheRun(string text)
    {
        Train("one", "--learning-rate", "1e-3");
        string folder = Path.Combine(_folder["exp"], "one"), path = Path.Combine(folder, "manifest.json");
        AssertShown(text, 2);
        AssertShown(new string('[', 2000), 2);
        AssertShown("{\"manifest_version\": 1, \"a\": " + new string('[', 2000), 2);
        foreach (string file in Directory.GetFiles(folder, "trainer_state.json", SearchOption.AllDirectories)) File.Delete(file);
        AssertShown(text, 0); // a run that was killed before its first checkpoint

        void AssertShown(string text, int steps)
        {
            File.WriteAllText(path, text, Encoding.Latin1);
            var run = CliRun.Of("runs", _folder["exp"], "--json").Ok();
            var one = run.Json.GetProperty("runs")[0];
            Assert.Equal(steps, one.GetProperty("global_step").GetInt32());
            Assert.Equal("0.001", one.GetProperty("settings").GetProperty("learning_rate").GetString());
            Assert.Empty(run.Json.GetProperty("unreadable").EnumerateArray());
            Assert.Equal(
                $"note       {path}: is damaged, or of a later version of Lapidary; the run is shown as its other files describe it.\n",
                run.Error);
        }
    }

    /// <summary>Wide characters take two columns, in names as elsewhere.</summary>
    [Fact]
    public void Table_CountsColumns_NotCharacters()
    {
        FoundRun[] runs =
        [
            new("日本語の実験/とても長い名前/実行", "a", "finished") { Step = 1, MaxSteps = 2 },
            new("e\u0301te\u0301", "b", "finished") { Step = 1, MaxSteps = 2 },
        ];
        foreach (int width in new[] { 40, 80 })
        {
            string[] lines = [.. RunTable.Lines(runs, [], width).Take(3)];
            Assert.All(lines, line => Assert.True(LineLayout.Width(line) <= width, line));
            int[] columns = [.. lines.Skip(1).Select(line => LineLayout.Width(line[..line.IndexOf("finished", StringComparison.Ordinal)]))];
            Assert.Equal(columns[0], columns[1]);
        }
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    [InlineData(160)]
    [InlineData(200)]
    public void Table_FitsTheScreen_AndLeavesWholeColumnsOut(int width)
    {
        FoundRun[] runs =
        [
            .. Enumerable.Range(1, 3).Select(i => new FoundRun($"experiments/with/a/rather/long/name/run-{i}", "x", "interrupted")
            {
                Model = "google/gemma-3-1b-pt",
                Step = i * 100,
                MaxSteps = 12_000,
                Loss = 1.5 / i,
                EvalLoss = 2.5 / i,
                Time = TimeSpan.FromHours(i),
                TokensPerSecond = 12_345,
                Started = new DateTimeOffset(2026, 1, i, 0, 0, 0, TimeSpan.Zero),
                Settings = new Dictionary<string, string> { ["learning_rate"] = $"{i}e-4", ["dataset"] = $"../data/rows-{i}.jsonl" },
            }),
        ];
        string[] lines = [.. RunTable.Lines(runs, RunComparison.DifferingKeys(runs), width)];
        Assert.All(lines, line => Assert.True(line.Length <= width, line));
        Assert.Contains(" eval", lines[0], StringComparison.Ordinal);
        Assert.Contains("run-1", lines[1], StringComparison.Ordinal);
        Assert.Equal(width == 200, !lines.Any(line => line.StartsWith("left out: ", StringComparison.Ordinal)));
        if (width == 200) Assert.Contains("rows-1.jsonl", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Sorted_PutsTheBestOrTheNewestFirst()
    {
        FoundRun[] runs =
        [
            new("a", "a", "finished") { EvalLoss = 2, Started = DateTimeOffset.UnixEpoch.AddDays(2) },
            new("b", "b", "finished") { Loss = 1, Started = DateTimeOffset.UnixEpoch.AddDays(3) },
            new("c", "c", "finished") { EvalLoss = 1, Loss = 2, Started = DateTimeOffset.UnixEpoch.AddDays(1) },
        ];
        Assert.Equal("cab", Names(RunOrder.Eval));
        Assert.Equal("bac", Names(RunOrder.Time));
        Assert.Equal("bca", Names(RunOrder.Loss));
        Assert.Equal("abc", Names(RunOrder.Name));

        string Names(RunOrder order) => string.Concat(RunComparison.Sorted(runs, order).Select(run => run.Name));
    }
}
