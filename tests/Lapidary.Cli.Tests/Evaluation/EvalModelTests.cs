using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Tests.Evaluation;

public sealed class EvalModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Rows => SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Answers_AreThoseOfGenerate_AndCanBeScoredAgain()
    {
        string output = _folder["answers.jsonl"], generated = _folder["generated.jsonl"];
        var json = Eval("--output", output, "--json").Ok().Json;
        CliRun.Of(
            "generate", "--model", SqlModel.Folder, "--dataset", Rows, "--template", "text-to-sql", "--max-new-tokens", "8", "--threads",
            "1", "--output", generated).Ok();
        Assert.Equal(File.ReadAllText(generated), File.ReadAllText(output));
        var again = CliRun.Of("eval", "--predictions", output, "--dataset", Rows, "--json").Ok().Json;
        foreach (string name in new[] { "execution_accuracy", "rows", "parse_rate", "verdicts", "by_complexity" })
            Assert.Equal(json.GetProperty(name).GetRawText(), again.GetProperty(name).GetRawText());
        Assert.Equal(5, json.GetProperty("rows").GetInt32());
        Assert.Equal(
            ["reading", "prompts", "loading", "answers", "scores"],
            json.GetProperty("seconds").EnumerateObject().Select(part => part.Name));

        // Without a file the result is the same.
        Assert.Equal(
            json.GetProperty("verdicts").GetRawText(), Eval("--json").Ok().Json.GetProperty("verdicts").GetRawText());
    }

    [Fact]
    public void Resume_GoesOnWhereItWasKilled()
    {
        string whole = _folder["whole.jsonl"], output = _folder["answers.jsonl"];
        var expected = Eval("--output", whole, "--json").Ok().Json;
        using (var stopped = new CancellationTokenSource())
        {
            stopped.Cancel();
            var run = CliRun.Of("", stopped.Token, Args("--output", output));
            Assert.Equal(130, run.ExitCode);
            Assert.Contains("interrupted after 0 of 5 rows; go on with --resume", run.Error, StringComparison.Ordinal);
        }

        string[] lines = File.ReadAllLines(whole);
        File.WriteAllText(output + ".partial", $"{lines[0]}\n{lines[1]}\n{lines[2][..20]}");
        Eval("--output", output).AssertError(1, "were begun here", "--resume");
        var resumed = Eval("--output", output, "--resume", "--json").Ok().Json;
        Assert.Equal(File.ReadAllText(whole), File.ReadAllText(output));
        Assert.Equal(expected.GetProperty("verdicts").GetRawText(), resumed.GetProperty("verdicts").GetRawText());

        // A complete file is scored at once.
        var complete = Eval("--output", output, "--resume", "--json").Ok();
        Assert.Contains("is complete", complete.Error, StringComparison.Ordinal);
        Assert.Contains("whichever model and options", complete.Error, StringComparison.Ordinal);
        Assert.Equal(expected.GetProperty("verdicts").GetRawText(), complete.Json.GetProperty("verdicts").GetRawText());
        Eval("--output", output).AssertError(1, "is there already");
        CliRun.Of([.. Args("--output", output, "--resume"), "--select", "3"]).AssertError(1, "answers to 5 rows", "has 3");

        // Of as many other rows it is not.
        string others = SqlModel.Write(
            _folder.Path, "others.jsonl", SqlModel.Rows.Select((row, i) => i == 3 ? row with { Sql = "SELECT 1" } : row));
        CliRun.Of("eval", "--model", SqlModel.Folder, "--dataset", others, "--output", output, "--resume").AssertError(
            1, "line 4: answers another row than", "others.jsonl line 4", "sql differs");
        File.WriteAllLines(output, lines.Select(line => line.Replace("\"output\":", "\"spent\":", StringComparison.Ordinal)));
        Eval("--output", output, "--resume").AssertError(1, "line 1", "output, found none");
    }

    [Fact]
    public void WithBase_ShowsTheBaseBeforeTheAdapter()
    {
        string adapter = _folder["adapter"], output = _folder["answers.jsonl"];
        using (var model = GemmaModel.Load(SqlModel.Folder, new CpuBackend(threads: 1)))
        using (var made = Adapter.Create(model, LoraConfig.Guide with { ModulesToSave = null }, seed: 3))
        {
            foreach (var block in made.Blocks) block.Values.AsSpan<float>().Fill(0.05f);
            model.Attach(made);
            made.Save(adapter, model);
        }

        var run = Eval("--adapter", adapter, "--with-base", "--output", output, "--json").Ok();
        Assert.Equal(5, run.Json.GetProperty("before").GetProperty("rows").GetInt32());
        Assert.Equal(5, run.Json.GetProperty("after").GetProperty("rows").GetInt32());
        string based = _folder["base.jsonl"];
        Eval("--output", based).Ok();
        Assert.Equal(File.ReadAllText(based), File.ReadAllText(_folder["answers.base.jsonl"]));
        Assert.NotEqual(File.ReadAllText(based), File.ReadAllText(output));
        string alone = _folder["alone.jsonl"];
        Eval("--adapter", adapter, "--output", alone).Ok();
        Assert.Equal(File.ReadAllText(alone), File.ReadAllText(output));
        Eval("--with-base").AssertError(2, "--with-base", "--adapter");
    }

    [Fact]
    public void HoldNames_HoldsAnswers_WhichAreOthers()
    {
        string held = _folder["held.jsonl"], stopped = _folder["stopped.jsonl"];
        Eval("--hold-names", "--output", held, "--json").Ok();
        string[] verbs = ["SELECT", "VALUES", "WITH", "ALTER", "CREATE", "DELETE", "DROP", "INSERT", "REPLACE", "UPDATE"];
        foreach (string line in File.ReadLines(held))
        {
            // Noise, but it begins as a statement does.
            string answer = JsonDocument.Parse(line).RootElement.GetProperty("output").GetString()!;
            string word = Regex.Match(answer, @"^\s*(```[a-zA-Z0-9]*(\s+|$))?([a-zA-Z]*)").Groups[3].Value.ToUpperInvariant();
            Assert.True(answer.Trim('`', ' ', '\n').Length == 0 || word.Length > 0, answer);
            Assert.Contains(verbs, verb => verb.StartsWith(word, StringComparison.Ordinal) || word == verb);
        }

        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Equal(130, CliRun.Of("", stop.Token, Args("--output", stopped)).ExitCode);
        File.WriteAllText(stopped + ".partial", File.ReadLines(held).First() + "\n");
        Eval("--hold-names", "--output", stopped, "--resume").AssertError(1, "stopped.jsonl", "other");
    }

    /// <summary>A row that has no room in the context is never right, and named.</summary>
    [Fact]
    public void APromptThatDoesNotFit_CountsAsWrong()
    {
        string model = _folder["short"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(SqlModel.Folder)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string config = Path.Combine(model, "config.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(config))!;
        json["max_position_embeddings"] = 256;
        File.WriteAllText(config, json.ToJsonString());
        string rows = SqlModel.Write(_folder.Path, "long.jsonl",
            [SqlModel.Rows[0], SqlModel.Rows[1] with { SqlPrompt = string.Concat(Enumerable.Repeat("What do the pets weigh? ", 40)) }]);
        var run = CliRun.Of("eval", "--model", model, "--dataset", rows, "--max-new-tokens", "4", "--threads", "1", "--json").Ok();
        Assert.Equal((2, 1), (run.Json.GetProperty("rows").GetInt32(), run.Json.GetProperty("unanswered").GetInt32()));
        Assert.Contains("long.jsonl line 2", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Checks_ComeBeforeTheWeights()
    {
        string model = _folder["model"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(SqlModel.Folder).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string[] args = ["eval", "--model", model, "--dataset", Rows];
        CliRun.Of([.. args, "--output", _folder.Path]).AssertError(2, "is a folder");
        CliRun.Of([.. args, "--resume"]).AssertError(2, "--output");
        File.WriteAllText(_folder["file"], "");
        CliRun.Of([.. args, "--failures", Path.Combine(_folder["file"], "x.jsonl")]).AssertError(1, "x.jsonl");
    }

    private CliRun Eval(params string[] args) => CliRun.Of(Args(args));

    private string[] Args(params string[] args) =>
        ["eval", "--model", SqlModel.Folder, "--dataset", Rows, "--max-new-tokens", "8", "--threads", "1", .. args];
}
