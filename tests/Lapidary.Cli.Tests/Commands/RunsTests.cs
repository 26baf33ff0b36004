using System.Text.Json;
using Lapidary.Cli.History;

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

    [Fact]
    public void Runs_WhereThereAreNone_SaysSo()
    {
        Assert.Contains("there are no runs", CliRun.Of("runs", _folder.Path).Ok().Out, StringComparison.Ordinal);
        CliRun.Of("runs", _folder["nothing"]).AssertError(1, "expected a folder, found none");
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
