using System.Text.Json;
using Lapidary.Training;

namespace Lapidary.Cli.Tests.Evaluation;

public sealed class TrainMetricTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheMetric_IsInTheLog_TheResult_AndTheTableOfRuns()
    {
        var run = CliRun.Of([.. Args("out"), "--json"]).Ok();
        Assert.Contains("sql_execution on 2 of 2 evaluation rows", run.Error, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Number, run.Json.GetProperty("eval_sql_execution").ValueKind);
        Assert.Equal(JsonValueKind.Number, run.Json.GetProperty("eval_sql_execution_before").ValueKind);
        Assert.Equal(
            run.Json.GetProperty("predicted_bytes").GetInt64(), run.Json.GetProperty("peak_bytes").GetInt64(),
            run.Json.GetProperty("predicted_bytes").GetInt64() * 0.02);
        var measured = TrainerState.Read(_folder["out"]).LogHistory.Where(entry => entry.EvalMetric is not null).ToArray();
        Assert.Equal([0, 2, 4], measured.Select(entry => entry.Step));
        Assert.All(measured, entry => Assert.Equal("sql_execution", entry.EvalMetric));
        Assert.Contains("eval_metric: sql_execution", File.ReadAllText(Path.Combine(_folder["out"], "run.yaml")), StringComparison.Ordinal);

        CliRun.Of("report", _folder["out"]).Ok();
        string page = File.ReadAllText(Path.Combine(_folder["out"], "report.html"));
        Assert.Contains("Evaluation metric sql_execution</h3>", page, StringComparison.Ordinal);
        Assert.Matches("<h4>[^<]+</h4><dl><dt>expected</dt>.+<dt>before training <span class=.+<dt>after step 4 <span class=", page);

        Assert.Contains("sql_execution", CliRun.Of("runs", _folder.Path).Ok().Out, StringComparison.Ordinal);
        Assert.Contains("eval_sql_execution", CliRun.Of("runs", _folder.Path, "--json").Ok().Out, StringComparison.Ordinal);
        Assert.Contains("metric     sql_execution: ", CliRun.Of(Args("other")).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void TheSameRun_HasTheSameWeights_WithoutTheMetric_AndWhereItGoesOn()
    {
        CliRun.Of(Args("with")).Ok();
        CliRun.Of([.. Args("without"), "--eval-metric", "loss"]).Ok();
        Assert.Equal(Adapter("without"), Adapter("with"));

        // Stopped after the second step, then continued by its own file.
        CliRun.InterruptedAt("saved", Args("resumed"));
        CliRun.Of("train", "--config", Path.Combine(_folder["resumed"], "run.yaml"), "--resume").Ok();
        Assert.Equal(Adapter("with"), Adapter("resumed"));
        Assert.Equal(
            TrainerState.Read(_folder["with"]).LogHistory.Select(entry => entry.EvalMetricValue),
            TrainerState.Read(_folder["resumed"]).LogHistory.Select(entry => entry.EvalMetricValue));
    }

    [Fact]
    public void RowsOfTheTestSize_AreFoundAgain()
    {
        string rows = SqlModel.Write(_folder.Path, "all.jsonl", SqlModel.Rows);
        string[] args = [.. Args("split").Where((_, i) => i is not (5 or 6)), "--test-size", "3", "--eval-metric-rows", "2"];
        args[4] = rows;
        Assert.Contains("sql_execution on 2 of 3 evaluation rows", CliRun.Of(args).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void RowsThatAreTrainedOn_NeedNoQueries()
    {
        string prepared = _folder["prepared.jsonl"];
        string[] args = Args("out");
        var prepare = CliRun.Of("data", "prepare", "--dataset", args[4], "--template", "text-to-sql", "--output", prepared).Ok();
        Assert.Contains("sql_context and sql are not kept; --keep-columns keeps them", prepare.Error, StringComparison.Ordinal);
        string evaluated = _folder["evaluated.jsonl"];
        prepare = CliRun.Of(
            "data", "prepare", "--dataset", args[6], "--template", "text-to-sql", "--keep-columns", "--output", evaluated).Ok();
        Assert.DoesNotContain("--keep-columns", prepare.Error, StringComparison.Ordinal);
        (args[4], args[6]) = (prepared, evaluated);
        args = [.. args.Where((_, i) => i is not (7 or 8)), "--load-best-model-at-end"];
        var run = CliRun.Of(args).Ok();
        Assert.Contains("sql_execution on 2 of 2 evaluation rows", run.Out, StringComparison.Ordinal);
        var state = TrainerState.Read(_folder["out"]);
        int best = int.Parse(state.BestModelCheckpoint!["checkpoint-".Length..], System.Globalization.CultureInfo.InvariantCulture);
        double loss = state.LogHistory.Single(entry => entry.Step == best && entry.EvalLoss is not null).EvalLoss!.Value;
        Assert.Contains($"evaluation loss {loss:F4} ({state.BestModelCheckpoint})", run.Out, StringComparison.Ordinal);
        Assert.Contains($"{loss:F4} @{best}", CliRun.Of("runs", _folder.Path).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCannotWork_IsRefusedBeforeAnythingIsLoaded()
    {
        string chats = TinyModel.WriteLines(
            _folder.Path, "chats.jsonl",
            Enumerable.Range(0, 6).Select(i =>
                $$"""{"messages": [{"role": "user", "content": "Hi {{i}}"}, {"role": "assistant", "content": "Hello {{i}}"}]}"""));
        CliRun.Of(
            "train", "--model", SqlModel.Folder, "--dataset", chats, "--test-size", "2", "--eval-metric", "sql_execution", "--output-dir",
            _folder["a"]).AssertError(1, "chats.jsonl line 1", "sql_context", "--eval-metric sql_execution", "'lapidary data prepare'",
                "--keep-columns");
        CliRun.Of([.. Args("b").Where((_, i) => i is not (5 or 6))]).AssertError(1, "--eval-metric", "--test-size");
        CliRun.Of([.. Args("c"), "--eval-metric", "rouge"]).AssertError(2, "loss or sql_execution", "rouge");
        CliRun.Of([.. Args("d"), "--eval-strategy", "no"]).AssertError(1, "--eval-metric", "--eval-strategy");
        Assert.Equal(
            ["chats.jsonl", "rows.jsonl", "test.jsonl"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Plan_CountsTheTexts()
    {
        string[] plan = ["plan", "--size", "270m", "--device", "cpu", "--memory", "16GiB", "--max-length", "128", "--json"];
        var with = CliRun.Of([.. plan, "--eval-metric", "sql_execution"]).Ok().Json;
        Assert.True(with.GetProperty("parts").GetProperty("kv_cache").GetInt64() > 0);
        Assert.False(CliRun.Of(plan).Ok().Json.GetProperty("parts").TryGetProperty("kv_cache", out _));
    }

    private byte[] Adapter(string run) => File.ReadAllBytes(Path.Combine(_folder[run], "adapter_model.safetensors"));

    private string[] Args(string output) =>
    [
        "train", "--model", SqlModel.Folder, "--dataset", SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows.Take(3)),
        "--eval-dataset", SqlModel.Write(_folder.Path, "test.jsonl", SqlModel.Rows.Skip(3)), "--template", "text-to-sql", "--output-dir",
        _folder[output], "--eval-metric", "sql_execution", "--eval-max-new-tokens", "8", "--eval-strategy", "steps", "--eval-steps",
        "2", "--save-strategy", "steps", "--save-steps", "2", "--max-steps", "4", "--max-length", "256", "--packing", "false",
        "--modules-to-save", "none", "--threads", "1", "--logging-steps", "1",
    ];
}
