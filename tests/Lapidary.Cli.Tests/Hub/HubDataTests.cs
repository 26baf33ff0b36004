using Lapidary.Hub;
using Lapidary.TestHub;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>--dataset with ids, and what goes with it, against a stand-in of the Hub.</summary>
public sealed class HubDataTests : IAsyncLifetime
{
    private const string Gretel = "philschmid/gretel-synthetic-text-to-sql";

    private readonly string _folder = Fixtures.TemporaryFolder();
    private HubServer _server = null!;

    private HubOptions Options => HubSetup.Options(_server.ApiUrl, _folder);

    public async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary, TestContext.Current.CancellationToken);
        _server.AddRepository(Gretel, HubRepoKind.Dataset).AddFiles(
            ("README.md", "---\nlicense: apache-2.0\n---\n"), ("gretel_train.jsonl", Rows(20, "train")),
            ("gretel_test.jsonl", Rows(4, "test")));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Train_TakesAnId_AndRecordsItsCommit()
    {
        string commit = _server.Find(Gretel, HubRepoKind.Dataset)!.Head.Oid;
        var run = Train(Gretel, "--template", "text-to-sql", "--select", "12", "--test-size", "2", "--max-steps", "1");
        Assert.Contains($"{Gretel}@{commit[..7]}: train 1 file, test 1 file (not used)", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(_server.Requests, request => request.Path.Contains("gretel_test", StringComparison.Ordinal));
        Assert.Empty(_server.Violations);
        string settings = File.ReadAllText(Path.Combine(_folder, "out", "run.yaml"));
        Assert.Contains($"dataset: \"{Gretel}@{commit}\"", settings, StringComparison.Ordinal);

        // Rows of a later commit are another run's.
        _server.Find(Gretel, HubRepoKind.Dataset)!.AddFiles(("gretel_train.jsonl", Rows(30, "later")));
        On(Options, ["train", "--config", Path.Combine(_folder, "out", "run.yaml"), "--resume", "--max-steps", "2"]).Ok();
        _server.RefusesAll = true;
        On(
            Options with { IsOffline = true },
            ["train", "--config", Path.Combine(_folder, "out", "run.yaml"), "--resume", "--max-steps", "3"]).Ok();
    }

    [Fact]
    public void Download_SuggestsTheTemplateThatFits() => Assert.Contains(
        $"--dataset {Gretel} --template text-to-sql --preview\n",
        On(Options, ["download", Gretel, "--repo-type", "dataset"]).Ok().Out, StringComparison.Ordinal);

    [Fact]
    public void Train_MixesDataSets_AndCountsThem()
    {
        string local = TinyModel.WriteLines(_folder, "own.jsonl", ["""{"instruction":"Say a","input":"","output":"a"}""",
            """{"instruction":"Say b","output":"b"}""", """{"instruction":"Say c","output":"c"}"""]);
        var run = Train($"{Gretel}:train[:10]", "--dataset", local, "--template", "text-to-sql", "--template", "alpaca",
            "--mix", "0.75,0.25", "--max-steps", "1");
        Assert.Contains($"from {Gretel}:train[:10]: 9 rows (75.0", run.Out, StringComparison.Ordinal);
        Assert.Contains($"from {local}: 3 rows (25.0", run.Out, StringComparison.Ordinal);
        string commit = _server.Find(Gretel, HubRepoKind.Dataset)!.Head.Oid;
        string yaml = File.ReadAllText(Path.Combine(_folder, "out", "run.yaml"));
        Assert.Contains($"dataset: [\"{Gretel}@{commit}:train[:10]\", ../own.jsonl]", yaml, StringComparison.Ordinal);
        Assert.Contains("template: [text-to-sql, alpaca]", yaml, StringComparison.Ordinal);
        Assert.Contains("mix: \"0.75,0.25\"", yaml, StringComparison.Ordinal);
        On(Options, ["train", "--config", Path.Combine(_folder, "out", "run.yaml"), "--resume", "--max-steps", "2"]).Ok();
    }

    [Fact]
    public void Train_Filters_AndSaysHowManyAreLeftOut()
    {
        var run = Train(Gretel, "--template", "text-to-sql", "--filter", "sql_complexity=basic SQL", "--filter", "id<10", "--preview");
        Assert.Contains($"filter: 5 of 20 rows of {Gretel} stay, 15 are left out", run.Out, StringComparison.Ordinal);
        On(Options, [.. Arguments(Gretel), "--filter", "complexity=x"]).AssertError(
            1, "expected a column \"complexity\"", "sql_complexity");
        Assert.Contains("one of = != <", On(Options, [.. Arguments(Gretel), "--filter", "none"]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_TakeSplitsAndConfigs()
    {
        string[] score = ["score", "--model", TinyModel.WithTokenizer, "--template", "text-to-sql", "--device", "cpu"];
        Assert.Contains("all 4 rows", On(Options, [.. score, "--dataset", $"{Gretel}:test"]).Ok().Out, StringComparison.Ordinal);
        Assert.Contains("all 2 rows", On(Options, [.. score, "--dataset", Gretel, "--dataset-split", "test[50%:]"]).Ok().Out,
            StringComparison.Ordinal);
        On(Options, [.. score, "--dataset", $"{Gretel}:dev"]).AssertError(1, "found train, test", Gretel);
        On(Options, [.. score, "--dataset", Gretel, "--dataset-config", "x"]).AssertError(1, "--dataset-config");
        On(Options, [.. score, "--dataset", "org/none"]).AssertError(1, "org/none", "private");
        var generated = On(Options, ["generate", .. score[1..], "--dataset", $"{Gretel}:test", "--max-new-tokens", "1"]).Ok();
        Assert.Equal(4, generated.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        var evaluated = Train(
            Gretel, "--template", "text-to-sql", "--eval-dataset", Gretel, "--max-steps", "1", "--eval-strategy", "epoch");
        Assert.Contains("evaluation rows 4", evaluated.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void AnError_NamesTheId_AndNotThePathInTheCache()
    {
        var run = On(Options, Arguments(Gretel));
        run.AssertError(1, $"{Gretel}/gretel_train.jsonl line 1: expected columns", "--template text-to-sql");
        Assert.DoesNotContain("snapshots", run.Error, StringComparison.Ordinal);
    }

    private string[] Arguments(string dataset) =>
    [
        "train", "--model", TinyModel.WithTokenizer, "--dataset", dataset, "--output-dir", Path.Combine(_folder, "out"), "--device", "cpu",
        "--max-length", "512", "--per-device-train-batch-size", "1", "--gradient-accumulation-steps", "1", "--save-strategy", "steps",
        "--save-steps", "1", "--modules-to-save", "none", "--lora-r", "2", "--dataset-cache", "none", "--report-to", "none",
    ];

    private static CliRun On(HubOptions hub, string[] args) =>
        CliRun.OnHub(hub, args, interrupted: TestContext.Current.CancellationToken);

    private CliRun Train(string dataset, params string[] more) => On(Options, [.. Arguments(dataset), .. more]).Ok();

    private static string Rows(int count, string split) => string.Concat(Enumerable.Range(0, count).Select(i =>
    {
        string level = i % 2 == 0 ? "basic SQL" : "joins";
        return $$"""{"id":{{i}},"sql_complexity":"{{level}}","sql_prompt":"Q{{i}}","sql_context":"T","sql":"{{split}}"}""" + "\n";
    }));
}
