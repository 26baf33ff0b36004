using System.Text.Json;
using Lapidary.Cli.Evaluation;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Evaluation;

public sealed class EvalPredictionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Rows => SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows);

    private static IEnumerable<string> Gold => SqlModel.Rows.Select(row => row.Sql);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheReferences_AreAllRight_AndNothingIsRightOfEmptyAnswers()
    {
        var json = Eval(Lines(Gold), "--json").Ok().Json;
        Assert.Equal("sql_execution", json.GetProperty("metric").GetString());
        Assert.Equal((1.0, 5), (json.GetProperty("execution_accuracy").GetDouble(), json.GetProperty("rows").GetInt32()));
        Assert.Equal((1.0, 0), (json.GetProperty("parse_rate").GetDouble(), json.GetProperty("empty_reference").GetInt32()));
        Assert.Equal(2, json.GetProperty("interval_95").GetArrayLength());
        Assert.Equal((1.0, 1.0), (
            json.GetProperty("test_suite_accuracy").GetDouble(), json.GetProperty("bird_accuracy").GetDouble()));
        var basic = json.GetProperty("by_complexity").GetProperty("basic");
        Assert.Equal((1.0, 2), (basic.GetProperty("execution_accuracy").GetDouble(), basic.GetProperty("rows").GetInt32()));
        Assert.Equal(5, json.GetProperty("verdicts").GetProperty("right").GetInt32());
        Assert.Equal(["reading", "scores"], json.GetProperty("seconds").EnumerateObject().Select(part => part.Name));

        var empty = Eval(Lines(Gold.Select(_ => "")), "--json").Ok().Json;
        Assert.Equal((0.0, 5), (empty.GetProperty("execution_accuracy").GetDouble(), empty.GetProperty("rows").GetInt32()));
    }

    public static TheoryData<string, string> Forms { get; } = new()
    {
        { "what generate writes", "lines:output" },
        { "other keys", "lines:predicted_sql" },
        { "texts", "texts" },
        { "a list of texts", "list" },
        { "a list of objects", "objects" },
        { "BIRD's numbers", "bird" },
        { "Spider's lines", "spider" },
        { "CRLF and a BOM", "crlf" },
        { "standard input", "-" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void EveryUsualForm_IsRead(string what, string form)
    {
        // The second answer is wrong, the fourth is missing.
        string?[] answers = [.. Gold.Select((sql, i) => i == 1 ? "SELECT 1" : i == 3 ? null : sql)];
        string?[] texts = [.. answers.Select(answer => answer ?? "")];
        string content = form switch
        {
            "lines:output" => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(new { sql = "x", output = answer }))),
            "lines:predicted_sql" => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(new { predicted_sql = answer }))),
            "texts" => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(answer))),
            "list" => JsonSerializer.Serialize(answers),
            "objects" => JsonSerializer.Serialize(answers.Select(answer => new { prediction = answer })),
            "bird" => JsonSerializer.Serialize(
                Enumerable.Range(0, 5).Reverse().ToDictionary(i => $"{i}", i => $"{texts[i]}\t----- bird -----\tpets")),
            "spider" => string.Concat(texts.Select(text => $"{text}\tpets\n")),
            "crlf" => "\uFEFF" + string.Concat(texts.Select(text => $"{text}\r\n")),
            _ => string.Concat(texts.Select(text => $"{text}\n")),
        };
        string file = "-";
        if (form != "-") File.WriteAllText(file = _folder["predictions"], content);
        var run = CliRun.Of(content, CancellationToken.None, "eval", "--predictions", file, "--dataset", Rows, "--json").Ok();
        Assert.True(run.Json.GetProperty("execution_accuracy").GetDouble() == 0.6, what);
    }

    [Theory]
    [InlineData("SELECT 1\nSELECT 2\n", "expected 5 predictions", "found 2")]
    [InlineData("", "expected predictions", "empty file")]
    [InlineData("{\"x\": 1}\n{\"x\": 2}", "line 1", "output")]
    [InlineData("{\"sql\": \"a\"}\n{\"output\": \"a\"}", "line 2", "expected the key sql")]
    [InlineData("{\"sql\": 7}\n{\"sql\": 8}", "line 1", "expected a text or null, found number")]
    [InlineData("{\"sql\": \"a\"}\n{\"sql\": ", "line 2", "expected JSON")]
    [InlineData("[\"a\",\n\"b\",]", "expected a JSON list", "broken at line 2")]
    [InlineData("[\"a\",\n\"b\",\n\"SELE", "expected a JSON list", "broken at line 3")]
    [InlineData("[\"a\"]\n[\"b\"]", "expected a JSON list", "broken at line 2")]
    [InlineData("{\"0\": \"a\", \"2\": \"b\"}", "without a gap", "number 1")]
    public void WhatIsNoPredictions_IsOneClearLine(string content, params string[] words)
    {
        string file = _folder["predictions.jsonl"];
        File.WriteAllText(file, content);
        Eval(file).AssertError(1, ["predictions.jsonl", .. words]);
    }

    [Theory]
    [InlineData("lines")]
    [InlineData("texts")]
    [InlineData("list")]
    [InlineData("bird")]
    [InlineData("key")]
    public void HalfASurrogatePair_IsOneWrongRow(string form)
    {
        string[] answers = [.. Gold.Select((sql, i) => i == 2 ? "SELECT HALF" : sql)];
        string content = form switch
        {
            "lines" => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(new { output = answer }))),
            "texts" => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(answer))),
            "list" => JsonSerializer.Serialize(answers),
            "bird" => JsonSerializer.Serialize(Enumerable.Range(0, 5).ToDictionary(i => $"{i}", i => answers[i])),
            _ => string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(new { HALF = 1, output = answer }))),
        };
        File.WriteAllText(_folder["predictions"], content.Replace("HALF", "\\ud800", StringComparison.Ordinal));
        var json = Eval(_folder["predictions"], "--json").Ok().Json;
        Assert.Equal((0.8, 5), (json.GetProperty("execution_accuracy").GetDouble(), json.GetProperty("rows").GetInt32()));
    }

    [Fact]
    public void OnlyHalvesOfPairs_AreReplaced() => Assert.Equal(
        ["a\\ud800 \ud83d\ude00 \ufffd\ufffdx\n"], Read("""["a\\ud800 \uD83D\ude00 \udc00\uD800x\n"]"""));

    [Fact]
    public void MissingFirstAnswers_AreStillJsonLines()
    {
        Assert.Equal([null, null, "a"], Read("null\n\nnull\r\n{\"output\": \"a\"}\n"));
        Assert.Equal([null, "a"], Read("null\n\"a\""));
        Assert.Equal([null, null], Read("null\nnull\n"));
        Assert.Equal(["null", "SELECT 1"], Read("null\nSELECT 1\n"));
    }

    /// <summary>A query may have tabs; only if a word follows a tab on every line is it Spider's database.</summary>
    [Fact]
    public void Tabs_StayInQueries()
    {
        Assert.Equal(["SELECT\ts\tFROM\tt", "SELECT a FROM\tt"], Read("SELECT\ts\tFROM\tt\nSELECT a FROM\tt\n"));
        Assert.Equal(["SELECT a\tFROM\tt", "x"], Read("SELECT a\tFROM\tt\nx"));
        Assert.Equal(["SELECT a", "", "", "SELECT b"], Read("SELECT a\tdb_1\n\tdb-2\n\nSELECT b\tdb_1\n"));
        Assert.Equal(["SELECT\ta", "SELECT b"], Read("SELECT\ta\t----- bird -----\tx\nSELECT b\t----- bird -----\tx\n"));
        Assert.Equal(["SELECT a\tb"], Read("{\"0\": \"SELECT a\\tb\"}"));
    }

    [Fact]
    public void BlankLinesBehindAllRows_AreNoPredictions()
    {
        Assert.Equal(["a", "b"], Read("a\nb\n\n \n", 2));
        Assert.Equal(["a", "b", ""], Read("a\nb\n\n\n", 3));
        Assert.Equal(["a", "b", "", ""], Read("a\nb\n\n\n", 4, 2));
        Assert.Equal(["a", "b"], Read("a\nb\n\n", 2, 9));
        Assert.Equal(["a", "b", "c"], Read("a\nb\nc\n", 2));
        Assert.Equal(["a", "", "c"], Read("a\n\nc\n", 2));
    }

    [Theory]
    [InlineData("generated_text")]
    [InlineData("text")]
    [InlineData("content")]
    [InlineData("completion")]
    [InlineData("response")]
    public void KeysOfOtherTools_AreKnown(string key) => Assert.Equal(["a"], Read($$"""{"id": "x", "{{key}}": "a"}"""));

    [Fact]
    public void Complexity_MayBeANumber()
    {
        var row = SqlModel.Rows[0];
        string[] levels = ["3", "2.5", "true", "null", "\"hard\""];
        string rows = TinyModel.WriteLines(_folder.Path, "levels.jsonl", levels.Select(level =>
            $$"""{"sql_context": "{{row.SqlContext}}", "sql": "{{row.Sql}}", "complexity": {{level}}}"""));
        var json = CliRun.Of(
            "eval", "--predictions", Lines(Enumerable.Repeat(row.Sql, 5)), "--dataset", rows, "--json").Ok().Json;
        var names = json.GetProperty("by_complexity").EnumerateObject().Select(part => part.Name).ToArray();
        Assert.Superset(new HashSet<string> { "3", "2.5", "true", "hard" }, names.ToHashSet());
    }

    [Fact]
    public void Failures_HaveALineForEachWrongRow()
    {
        string[] answers = [.. Gold];
        answers[1] = "SELECT name FROM pets";
        answers[2] = "```sql\nSELEC name\n```";
        string failures = _folder["deep/er/failures.jsonl"];
        Eval(Lines(answers), "--failures", failures).Ok();
        var lines = File.ReadAllLines(failures).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([2, 3], lines.Select(line => line.GetProperty("row").GetInt32()));
        Assert.Equal(["wrong", "invalid_sql"], lines.Select(line => line.GetProperty("verdict").GetString()));
        Assert.All(lines, line => Assert.NotEqual("", line.GetProperty("why").GetString()));
        Assert.Contains("rows.jsonl line 2", lines[0].GetProperty("origin").GetString(), StringComparison.Ordinal);
        Assert.Equal(SqlModel.Rows[1].Sql, lines[0].GetProperty("sql").GetString());
        Assert.Equal(3, lines[0].GetProperty("found").GetProperty("row_count").GetInt32());
        Assert.Equal(
            ["Rex", "Tom"], lines[0].GetProperty("expected").GetProperty("rows").EnumerateArray().Select(row => row[0].GetString()));
        Assert.Equal("SELEC name", lines[1].GetProperty("answer").GetString());
        Assert.Equal(JsonValueKind.Null, lines[1].GetProperty("found").ValueKind);
    }

    [Fact]
    public void Failures_ReplaceTheirLikeOnly()
    {
        string failures = _folder["failures.jsonl"], wrong = Lines(Gold.Select(_ => "SELECT 1")), gold = Lines(Gold, "gold.txt");
        foreach (string foreign in new[] { "the only copy\n", "{\"sql\": \"x\"}\n" })
        {
            File.WriteAllText(failures, foreign);
            Eval(wrong, "--failures", failures).AssertError(1, "failures.jsonl", "no file of failures");
            Assert.Equal(foreign, File.ReadAllText(failures));
        }

        File.Delete(failures);
        Eval(wrong, "--failures", failures).Ok();
        Eval(gold, "--failures", failures).Ok();
        Assert.Equal("", File.ReadAllText(failures));
        Eval(wrong, "--failures", failures).Ok();
        Assert.Equal(5, File.ReadAllLines(failures).Length);
    }

    [Fact]
    public void MissingPredictions_AreCounted()
    {
        string file = TinyModel.WriteLines(
            _folder.Path, "generated.jsonl",
            Gold.Select((sql, i) => JsonSerializer.Serialize(new { output = i < 2 ? null : sql, error = i < 2 ? "no prompt" : null })));
        var run = Eval(file, "--json").Ok();
        Assert.Equal((0.6, 2), (
            run.Json.GetProperty("execution_accuracy").GetDouble(), run.Json.GetProperty("unanswered").GetInt32()));
        Assert.Contains("generated.jsonl: 2 of 5 predictions are missing", run.Error, StringComparison.Ordinal);
        Assert.Contains("2 of them without an answer", Eval(file).Ok().Out, StringComparison.Ordinal);

        // "Of them" are the scored rows.
        string rows = SqlModel.Write(
            _folder.Path, "some.jsonl", SqlModel.Rows.Select((row, i) => i == 0 ? row with { SqlContext = "CREATE TABL pets" } : row));
        string text = CliRun.Of("eval", "--predictions", file, "--dataset", rows).Ok().Out;
        Assert.Contains("4 scored", text, StringComparison.Ordinal);
        Assert.Contains("1 of them without an answer", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x1F, 0x8B, 8, 0 }, "a gzip file")]
    [InlineData(new byte[] { 0x28, 0xB5, 0x2F, 0xFD }, "a zstd file")]
    [InlineData(new byte[] { (byte)'P', (byte)'K', 3, 4 }, "a zip file")]
    [InlineData(new byte[] { (byte)'P', (byte)'A', (byte)'R', (byte)'1' }, "a Parquet file")]
    public void PackedFiles_AreNamed(byte[] content, string words)
    {
        File.WriteAllBytes(_folder["p.jsonl.gz"], content);
        Eval(_folder["p.jsonl.gz"]).AssertError(1, "p.jsonl.gz: expected predictions as text", words, "unpack it");
    }

    /// <summary>A data set is right against itself, which says nothing.</summary>
    [Fact]
    public void ReferencesAsPredictions_AreNoted()
    {
        string rows = Rows;
        var run = CliRun.Of("eval", "--predictions", rows, "--dataset", rows).Ok();
        Assert.Contains(
            "rows.jsonl line 1: sql is taken as the prediction, and stands beside sql_context", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
        string own = TinyModel.WriteLines(_folder.Path, "p.jsonl", Gold.Select(sql => JsonSerializer.Serialize(new { sql })));
        Assert.Equal("", Eval(own).Error);
    }

    [Fact]
    public void StandardStreams_AreNamed()
    {
        CliRun.Of("eval", "--predictions", "-", "--predictions", "-", "--dataset", Rows).AssertError(2, "standard input can be read once");
        Eval(Lines(Gold), "--failures", "-").AssertError(2, "--failures: expected the name of a file, found -");
        using var pipe = SpecialFiles.Create(_folder.Path, "pipe");
        Eval(pipe.Path).AssertError(1, "a file of predictions (- reads standard input), found a pipe");
    }

    [Fact]
    public void Help_SaysWhichSplitIsTaken()
    {
        string page = CliRun.Of("eval", "--help-all").Ok().Out;
        string help = string.Join(' ', page.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("the validation split is taken, else the test split", help, StringComparison.Ordinal);
        Assert.DoesNotContain("--mix", help, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_AreBeforeAndAfter()
    {
        string before = Lines(Gold.Select((sql, i) => i == 0 ? sql : "SELECT 1"), "before.txt");
        string after = Lines(Gold.Select((sql, i) => i is 0 or 4 ? "SELECT 1" : sql), "after.txt");
        string[] args = ["eval", "--predictions", before, "--predictions", after, "--dataset", Rows];
        var json = CliRun.Of([.. args, "--json"]).Ok().Json;
        Assert.Equal(0.2, json.GetProperty("before").GetProperty("execution_accuracy").GetDouble());
        Assert.Equal(0.6, json.GetProperty("after").GetProperty("execution_accuracy").GetDouble());
        Assert.Equal(0.6, json.GetProperty("execution_accuracy").GetDouble());
        Assert.Equal((3, 1), (json.GetProperty("fixed").GetInt32(), json.GetProperty("broken").GetInt32()));
        Assert.Equal(0.625, json.GetProperty("mcnemar_p").GetDouble(), 1e-12);
        string text = CliRun.Of(args).Ok().Out;
        Assert.Matches("before +after", text);
        Assert.Contains("3 rows fixed, 1 broken", text, StringComparison.Ordinal);
        CliRun.Of([.. args, "--predictions", after]).AssertError(2, "found 3");
    }

    [Fact]
    public void Select_TakesTheDrawnRowsPredictions()
    {
        string rows = Rows;
        var all = Eval(Lines(Gold), "--select", "3", "--seed", "7", "--json").Ok().Json;
        Assert.Equal((3, 1.0), (all.GetProperty("rows").GetInt32(), all.GetProperty("execution_accuracy").GetDouble()));
        Eval(Lines(Gold.Take(4)), "--select", "3").AssertError(1, "expected 3 predictions", "or 5", "found 4");
        Eval(Lines(Gold), "--select", "6").AssertError(2, "at most 5", "found 6");
    }

    [Fact]
    public void FailUnder_IsAnExitCode()
    {
        string half = Lines(Gold.Select((sql, i) => i < 2 ? sql : "SELECT 1"));
        Eval(half, "--fail-under", "0.4").Ok();
        var run = Eval(half, "--fail-under", "0.41");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("accuracy is 0.4, below --fail-under 0.41", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherColumns_AreFoundOrNamed()
    {
        string Written(string name, string question, string context, string sql) => TinyModel.WriteLines(
            _folder.Path, name,
            SqlModel.Rows.Select(row =>
                $$"""{"{{question}}": "{{row.SqlPrompt}}", "{{context}}": "{{row.SqlContext}}", "{{sql}}": "{{row.Sql}}"}"""));
        string gold = Lines(Gold);
        CliRun.Of("eval", "--predictions", gold, "--dataset", Written("b.jsonl", "question", "context", "answer")).Ok();
        CliRun.Of("eval", "--predictions", gold, "--dataset", Written("s.jsonl", "question", "schema", "query")).Ok();
        string odd = Written("o.jsonl", "q", "c", "s");
        CliRun.Of("eval", "--predictions", gold, "--dataset", odd).AssertError(1, "o.jsonl line 1", "sql_context", "--context-column");
        CliRun.Of("eval", "--predictions", gold, "--dataset", odd, "--context-column", "c", "--sql-column", "s").Ok();
    }

    [Fact]
    public void OptionsOfAModel_AndPipes_AreRefused()
    {
        string gold = Lines(Gold);
        Eval(gold, "--max-new-tokens", "7").AssertError(2, "--max-new-tokens is for a model");
        Eval(gold, "--resume").AssertError(2, "--resume");
        Eval(gold, "--failures", _folder.Path).AssertError(2, "is a folder");
        CliRun.Of("eval", "--predictions", gold, "--dataset", "-").AssertError(2, "pipe");
        CliRun.Of("eval", "--dataset", Rows).AssertError(2, "--model", "--predictions");
        Eval(gold, "--metric", "exact").AssertError(2, "sql-execution");
    }

    /// <summary>Rows that nothing can be said about are counted apart, and named.</summary>
    [Fact]
    public void RowsThatCannotBeScored_AreCountedApart()
    {
        string rows = SqlModel.Write(_folder.Path, "some.jsonl",
        [
            .. SqlModel.Rows.Take(2),
            SqlModel.Rows[0] with { Sql = "SELECT name FROM pets WHERE weight > 100" },
            SqlModel.Rows[0] with { SqlContext = "CREATE TABL pets" },
            SqlModel.Rows[0] with { Sql = "SELECT nothing FROM pets" },
        ]);
        string gold = Lines(Gold.Take(2).Concat(["SELECT name FROM pets WHERE weight > 100", "SELECT 1", "SELECT 1"]));
        var run = CliRun.Of("eval", "--predictions", gold, "--dataset", rows, "--json").Ok();
        Assert.Equal((1.0, 2), (run.Json.GetProperty("execution_accuracy").GetDouble(), run.Json.GetProperty("rows").GetInt32()));
        Assert.Equal((1, 1, 1), (
            run.Json.GetProperty("empty_reference").GetInt32(), run.Json.GetProperty("failed_context").GetInt32(),
            run.Json.GetProperty("failed_reference").GetInt32()));
        Assert.Contains("some.jsonl line 4", run.Error, StringComparison.Ordinal);
        Assert.Contains("some.jsonl line 5", run.Error, StringComparison.Ordinal);
    }

    private static IReadOnlyList<string?> Read(string text, params int[] rows) =>
        PredictionFile.Read("-", new StringReader(text), _ => { }, rows);

    private CliRun Eval(string predictions, params string[] args) =>
        CliRun.Of(["eval", "--predictions", predictions, "--dataset", Rows, .. args]);

    private string Lines(IEnumerable<string> answers, string name = "answers.txt") =>
        TinyModel.WriteLines(_folder.Path, name, answers.Select(answer => JsonSerializer.Serialize(answer)));
}
