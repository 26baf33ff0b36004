using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;

namespace Lapidary.Cli.Tests.Commands;

public sealed class DataInspectTests : IDisposable
{
    private const string Row = """{"messages": [{"role": "user", "content": "SELECT"}, {"role": "assistant", "content": "stones"}]}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Inspect_FindsDuplicatesConflictsAndLeaks()
    {
        string train = Lines("train.jsonl",
            """{"prompt": "How many?", "completion": "one", "note": null}""",
            """{"prompt": "Which?", "completion": "two", "note": 3}""",
            """{"prompt": "How many?", "completion": "one", "note": null}""",
            """{"prompt": "Which?", "completion": "three", "note": "x"}""");
        string test = Lines("test.jsonl",
            """{"prompt": "How many?", "completion": "one"}""",
            """{"prompt": "how  many", "completion": "one"}""",
            """{"prompt": "Why?", "completion": "so"}""");
        var found = CliRun.Of("data", "inspect", train, "--eval-dataset", test, "--json").Ok().Json;
        Assert.Equal(4, found.GetProperty("rows").GetInt32());
        Assert.Equal((1, 3), (Number("duplicate_rows"), Number("first_duplicate_row")));
        Assert.Equal((1, 4), (Number("conflicting_rows"), Number("first_conflicting_row")));
        var evaluation = found.GetProperty("evaluation");
        Assert.Equal((1, 2), (evaluation.GetProperty("same_prompt").GetInt32(), evaluation.GetProperty("similar_prompt").GetInt32()));
        var note = found.GetProperty("columns").EnumerateArray().Single(column => column.GetProperty("name").GetString() == "note");
        Assert.Equal(0.5, note.GetProperty("null_share").GetDouble());
        Assert.Equal(["integer", "text"], note.GetProperty("types").EnumerateObject().Select(type => type.Name));

        string text = CliRun.Of("data", "inspect", "--dataset", train, "--eval-dataset", test).Ok().Out;
        Assert.Contains("duplicates 1 row repeats an earlier one; the first is row 3, like row 1", text, StringComparison.Ordinal);
        Assert.Contains("leaks      1 row (33.3 %)", text, StringComparison.Ordinal);

        int Number(string name) => found.GetProperty(name).GetInt32();
    }

    [Fact]
    public void Inspect_OfAFolder_ComparesItsSplits()
    {
        Lines("train.jsonl", """{"prompt": "a", "completion": "b"}""");
        Lines("test.jsonl", """{"prompt": "A!", "completion": "b"}""");
        string text = CliRun.Of("data", "inspect", _folder.Path).Ok().Out;
        Assert.Contains("evaluation split test: 1 row", text, StringComparison.Ordinal);
        Assert.Contains("0 rows (0.0 %) with a prompt of the training rows, 1 (100.0 %)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_CountsTokens_AndRowsThatAreCut()
    {
        string file = Lines("chat.jsonl", Row, Row.Replace("stones", "stones stones stones stones", StringComparison.Ordinal));
        var all = CliRun.Of("data", "inspect", file, "--tokenizer", TinyModel.WithTokenizer, "--json").Ok().Json.GetProperty("tokens");
        int most = all.GetProperty("max").GetInt32();
        Assert.True(all.GetProperty("min").GetInt32() < most);
        var cut = CliRun.Of(
            "data", "inspect", file, "--tokenizer", TinyModel.WithTokenizer, "--max-length", $"{most - 2}", "--json").Ok().Json;
        Assert.Equal((1, 2), (cut.GetProperty("truncated_rows").GetInt32(), cut.GetProperty("truncated_tokens").GetInt32()));
    }

    [Fact]
    public void Inspect_TriesSql_UnderTheGuard()
    {
        string file = Lines("sql.jsonl",
            """{"sql_prompt": "a", "sql_context": "CREATE TABLE t (a INT); INSERT INTO t VALUES (1);", "sql": "SELECT a FROM t"}""",
            """{"sql_prompt": "b", "sql_context": "CREATE TABLE t (a INT);", "sql": "SELECT a FROM t"}""",
            """{"sql_prompt": "c", "sql_context": "CREATE TABLE t (a INT);", "sql": "SELECT b FROM t"}""",
            """{"sql_prompt": "d", "sql_context": "CREATE TABEL t (a INT);", "sql": "SELECT a FROM t"}""");
        var run = CliRun.Of("data", "inspect", file, "--json").Ok();
        var sql = run.Json.GetProperty("sql");
        Assert.Equal("text-to-sql", run.Json.GetProperty("template").GetString());
        Assert.Equal((4, 1, 1, 1), (Number("rows"), Number("failed_contexts"), Number("failed_queries"), Number("empty_results")));
        string text = CliRun.Of("data", "inspect", file).Ok().Out;
        Assert.Contains($"{file} line 3: sql: ", text, StringComparison.Ordinal);
        Assert.Contains($"{file} line 4: sql_context: ", text, StringComparison.Ordinal);
        string untried = CliRun.Of("data", "inspect", file, "--check-sql", "false").Ok().Out;
        Assert.DoesNotContain("sql        of", untried, StringComparison.Ordinal);

        int Number(string name) => sql.GetProperty(name).GetInt32();
    }

    [Fact]
    public void Inspect_OfUnknownColumns_StillShowsThem()
    {
        string file = Lines("rows.csv", "a,b", "1,x", "2,y");
        string text = CliRun.Of("data", "inspect", file).Ok().Out;
        Assert.Contains("note       prompts are not compared:", text, StringComparison.Ordinal);
        Assert.Contains("duplicates none", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Row_ShowsColumnsMessagesAndTrainedTokens()
    {
        string file = Lines("chat.jsonl", Row.Replace("SELECT", "x", StringComparison.Ordinal), Row);
        string[] args = ["data", "inspect", file, "--row", "2", "--tokenizer", TinyModel.WithTokenizer, "--assistant-only-loss"];
        string text = CliRun.Of(args).Ok().Out;
        Assert.Contains($"row        2: {file} line 2", text, StringComparison.Ordinal);
        Assert.Contains("user\n  SELECT\n", text, StringComparison.Ordinal);
        Assert.Contains("in [brackets]", text, StringComparison.Ordinal);
        Assert.Matches(@"model↵\[st.*ones<end_of_turn>", text.ReplaceLineEndings(""));

        string screen = OnScreen(args);
        Assert.Contains("green and bold", screen, StringComparison.Ordinal);
        Assert.Contains("\e[1;32m<end_of_turn>\e[0m", screen, StringComparison.Ordinal);

        var json = CliRun.Of([.. args, "--json"]).Ok().Json;
        int trained = json.GetProperty("labels").EnumerateArray().Count(label => label.GetInt32() >= 0);
        Assert.Equal(trained, json.GetProperty("trained_tokens").GetInt32());
        Assert.Equal("SELECT", json.GetProperty("messages")[0].GetProperty("content").GetString());
        int all = json.GetProperty("labels").GetArrayLength();
        string[] cutArgs = [.. args, "--max-length", $"{all - 2}"];
        var cut = CliRun.Of([.. cutArgs, "--json"]).Ok().Json;
        Assert.Equal((trained - 2, 2), (
            cut.GetProperty("trained_tokens").GetInt32(), cut.GetProperty("truncated_tokens").GetInt32()));
        Assert.Matches(@"cut        at --max-length \d+; what follows is not trained\n[^\[]*$", CliRun.Of(cutArgs).Ok().Out);
        CliRun.Of("data", "inspect", file, "--row", "3").AssertError(1, "expected a row from 1 to 2");
        CliRun.Of("data", "inspect").AssertError(2, "FILE");
    }

    [Fact]
    public void Row_ShowsTheTextOfParts_AndWhereThereIsNone()
    {
        string file = Lines(
            "parts.jsonl",
            """
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {}}}]},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "three"}]}, {"role": "assistant", "content": "four"}]}
            """.ReplaceLineEndings(" "));
        string[] args = ["data", "inspect", file, "--row", "1"];
        Assert.EndsWith(
            "user\n  one two\nassistant\n  (no content)\nuser\n  three\nassistant\n  four\n", CliRun.Of(args).Ok().Out,
            StringComparison.Ordinal);
        var contents = CliRun.Of([.. args, "--json"]).Ok().Json.GetProperty("messages").EnumerateArray()
            .Select(message => message.GetProperty("content").GetString());
        Assert.Equal(["one two", null, "three", "four"], contents);
    }

    private string Lines(string name, params string[] lines) => TinyModel.WriteLines(_folder.Path, name, lines);

    private static string OnScreen(string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var screen = new Screen(() => 100, hasCodes: true, hasColour: true);
        int code = LapidaryTool.Run(args, new Terminal(TextReader.Null, output, TextWriter.Null, screen, outIsScreen: true));
        Assert.Equal(0, code);
        return output.ToString();
    }
}
