using System.Text.Json;
using Lapidary.Training;

namespace Lapidary.Cli.Tests.Commands;

public sealed class DataSynthTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Synth_WritesRowsWithTheGuidesColumns()
    {
        string file = _folder["sql.jsonl"];
        var report = CliRun.Of("data", "synth", "--rows", "40", "--seed", "3", "--output", file, "--json").Ok().Json;
        Assert.Equal(40, report.GetProperty("rows").GetInt32());
        string[] lines = File.ReadAllLines(file);
        Assert.Equal(40, lines.Length);
        using var first = JsonDocument.Parse(lines[0]);
        Assert.Equal(
            ["id", "domain", "domain_description", "sql_complexity", "sql_task_type", "sql_shape", "sql_prompt", "sql_context", "sql"],
            first.RootElement.EnumerateObject().Select(member => member.Name));
        string few = CliRun.Of("data", "synth", "--rows", "10", "--seed", "3", "--output", "-").Ok().Out;
        Assert.Equal(lines[..10], few.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Synth_OfParquet_HasTheSameRows()
    {
        string lines = _folder["sql.jsonl"], parquet = _folder["sql.parquet"];
        CliRun.Of("data", "synth", "--rows", "30", "--output", lines).Ok();
        CliRun.Of("data", "synth", "--rows", "30", "--output", parquet).Ok();
        var options = new DataSetOptions { Template = RowTemplate.TextToSql };
        var (a, b) = (DataSet.Load(lines, options), DataSet.Load(parquet, options));
        Assert.Equal(
            a.Rows.Cast<MessagesRow>().Select(row => string.Join('|', row.Messages.Select(turn => turn.Content))),
            b.Rows.Cast<MessagesRow>().Select(row => string.Join('|', row.Messages.Select(turn => turn.Content))));
    }

    [Fact]
    public void Synth_WithEvalRows_TakesOtherDomainsForThem()
    {
        var run = CliRun.Of("data", "synth", "--rows", "60", "--eval-rows", "30", "--output", _folder["sql"]).Ok();
        Assert.Contains("--eval-dataset", run.Out, StringComparison.Ordinal);
        var (train, test) = (Domains("train.jsonl"), Domains("test.jsonl"));
        Assert.Empty(train.Intersect(test));
        CliRun.Of("data", "synth", "--rows", "6", "--eval-rows", "3", "--output", _folder["few.jsonl"]).Ok();
        Assert.Equal(3, File.ReadAllLines(_folder["few-eval.jsonl"]).Length);

        HashSet<string> Domains(string name) => [.. File.ReadAllLines(Path.Combine(_folder["sql"], name))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("domain").GetString()!)];
    }

    [Fact]
    public void Synth_ListsDomains_AndRefusesWhatItCannotDo()
    {
        Assert.Contains("chess", CliRun.Of("data", "synth", "--list-domains", "--split", "test").Ok().Out, StringComparison.Ordinal);
        Assert.True(CliRun.Of("data", "synth", "--list-domains", "--json").Ok().Json.GetProperty("domains").GetArrayLength() >= 40);
        CliRun.Of("data", "synth", "--rows", "3").AssertError(2, "--output is missing");
        CliRun.Of("data", "synth", "--output", _folder["sql.csv"]).AssertError(2, ".jsonl or .parquet");
        string[] toFile = ["data", "synth", "--output", _folder["a.jsonl"]];
        CliRun.Of([.. toFile, "--domains", "chesss"]).AssertError(2, "--domains", "such as chess");
        CliRun.Of([.. toFile, "--complexity", "windows"]).AssertError(2, "--complexity", "window functions");
        CliRun.Of([.. toFile, "--domains", "libraries", "--eval-rows", "5"]).AssertError(2, "--domains", "testing", "--eval-rows");
        Assert.False(File.Exists(_folder["a.jsonl"]));
        File.WriteAllText(_folder["b.jsonl"], "");
        CliRun.Of("data", "synth", "--rows", "3", "--output", _folder["b.jsonl"]).AssertError(1, "--overwrite");
        CliRun.Of("data").AssertError(2, "synth");
    }
}
