using System.Text.Json;
using Lapidary.Cli.Tests.Evaluation;

namespace Lapidary.Cli.Tests.Asking;

public sealed class AskTests : IDisposable
{
    private const string Endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT ";

    private static readonly string[] Noise = ["--model", SqlModel.Folder, "--threads", "1", "--device", "cpu", "--max-new-tokens", "8"];

    private readonly TemporaryFolder _folder = new();
    private readonly string _pets;

    public AskTests() => _pets = TinyModel.WriteLines(
        _folder.Path, "pets.csv", ["name,kind,weight", "Rex,dog,9.5", "\"Tom, the \"\"cat\"\"\",cat,4.5", "Jerry,mouse,0.1"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AQuestion_GetsItsSqlAndRows()
    {
        var run = Ask("", [_pets, "How many pets are there?", .. TaughtModel.Options]).Ok();
        Assert.Equal("COUNT(*)\n3\n", run.Out);
        Assert.Equal($"sql        {TaughtModel.Sql}\n", run.Error);

        var json = Ask("", [_pets, "How many pets are there?", .. TaughtModel.Options, "--json"]).Ok().Json;
        Assert.Equal("How many pets are there?", json.GetProperty("question").GetString());
        Assert.Equal(TaughtModel.Sql, json.GetProperty("sql").GetString());
        Assert.Equal("""["COUNT(*)"]""", json.GetProperty("columns").GetRawText());
        Assert.Equal("[[3]]", json.GetProperty("rows").GetRawText());
        Assert.False(json.GetProperty("cut").GetBoolean());
        Assert.Equal(1, json.GetProperty("attempts").GetArrayLength());
        Assert.True(json.GetProperty("seconds").GetDouble() > 0);
    }

    /// <summary>In a process of its own, where nothing has used SQLite before.</summary>
    [Fact]
    public void ADatabase_IsAsked()
    {
        string file = _folder["pets.db"];
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE pets (name TEXT); INSERT INTO pets VALUES ('Rex'), ('Tom');";
            command.ExecuteNonQuery();
        }

        using var tool = Tool.Start(["ask", file, "How many pets are there?", .. TaughtModel.Options]);
        var run = tool.End().Ok();
        Assert.Equal("COUNT(*)\n2\n", run.Out);
        var files = Directory.EnumerateFiles(_folder.Path).Select(Path.GetFileName);
        Assert.Equal(["pets.csv", "pets.db"], files.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void AQuestionWithoutAnAnswer_IsAnError()
    {
        var run = Ask("", [_pets, "How many pets are there?", .. Noise]);
        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Contains("the model tries again.", run.Error, StringComparison.Ordinal);
        Assert.Matches(@"\nlapidary: no answer after [23] queries: ", run.Error);
        run = Ask("", [_pets, "How many pets are there?", .. Noise, "--json"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("rows").ValueKind);
        Assert.NotEmpty(run.Json.GetProperty("error").GetString()!);
        var attempts = run.Json.GetProperty("attempts").EnumerateArray();
        Assert.All(attempts, attempt => Assert.NotEmpty(attempt.GetProperty("error").GetString()!));
    }

    [Fact]
    public void StandardInput_IsAQuestionALine()
    {
        const string Lines = "How many pets are there?\n\nHow many?\n:sql SELECT name FROM pets WHERE weight > 4\n";
        var run = Ask(Lines, [_pets, .. TaughtModel.Options]).Ok();
        Assert.Equal("COUNT(*)\n3\n\nCOUNT(*)\n3\n\nname\nRex\n\"Tom, the \"\"cat\"\"\"\n", run.Out);
        Assert.DoesNotContain("ask>", run.Error, StringComparison.Ordinal);
        run = Ask("How many pets are there?\nHow many?\n", [_pets, .. TaughtModel.Options, "--json"]).Ok();
        Assert.Equal(2, run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line)).Count());
    }

    [Fact]
    public void Lines_ThatFail_AreSaid_AndTheOthersGoOn()
    {
        var run = Ask(":sql SELECT nmae FROM pets\n:sql DROP TABLE pets\n:sqll\n:export\n:sql SELECT 1 AS one\n", [_pets, .. Noise]);
        Assert.Equal((1, "one\n1\n"), (run.ExitCode, run.Out));
        string[] errors = run.Error.TrimEnd().Split('\n');
        Assert.Equal(
            [
                "lapidary: no such column: nmae",
                "lapidary: \"DROP TABLE pets\" is refused: only queries run (SELECT, VALUES, WITH … SELECT); nothing was changed.",
                "lapidary: :sqll: there is no such command; did you mean :sql? :help lists them.",
                "lapidary: :export: expected the name of a file, found none; type :export FILE.csv.",
            ],
            errors);
    }

    /// <summary>A program that reads standard output gets an object for whatever happens.</summary>
    [Fact]
    public void Json_IsAnObjectForEachOutcome()
    {
        var run = Ask(":sql SELECT nmae FROM pets\n:sql SELECT 9e999 AS a, -9e999 AS b\n:sqll\n", [_pets, .. Noise, "--json"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(
            """
            {"sql":"SELECT nmae FROM pets","columns":null,"rows":null,"cut":false,"error":"no such column: nmae"}
            {"sql":"SELECT 9e999 AS a, -9e999 AS b","columns":["a","b"],"rows":[["Infinity","-Infinity"]],"cut":false}
            {"columns":null,"rows":null,"cut":false,"error":":sqll: there is no such command; did you mean :sql? :help lists them."}

            """.ReplaceLineEndings("\n"),
            run.Out);

        string damaged = Damaged();
        run = Ask("", [damaged, "How many pets are there?", .. TaughtModel.Options, "--json"]);
        Assert.Equal((1, "How many pets are there?"), (run.ExitCode, run.Json.GetProperty("question").GetString()));
        Assert.StartsWith($"{damaged}: the database is damaged", run.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.StartsWith($"lapidary: {damaged}: the database is damaged", run.Error.Split('\n')[^2], StringComparison.Ordinal);
        run = Ask("", [_folder["gone.csv"], "How many?", .. Noise, "--json"]);
        Assert.Equal((1, JsonValueKind.Null), (run.ExitCode, run.Json.GetProperty("rows").ValueKind));
    }

    [Fact]
    public void AnExport_NeedsAFolder_AndAFreeName()
    {
        string first = $":sql SELECT 1 AS one\n:export {_folder["none"]}/x.csv\n:export '{_folder["a b.csv"]}'\n";
        var run = Ask($"{first}:export {_folder["a b.csv"]}\n:sql SELECT 2 AS two\n:export! \"{_folder["a b.csv"]}\"\n", [_pets, .. Noise]);
        Assert.Contains($"x.csv: there is no folder {_folder["none"]}; make it, or name another one.", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["none"]));
        Assert.Contains("a b.csv: is there already; choose another name", run.Error, StringComparison.Ordinal);
        Assert.Equal("two\n2\n", File.ReadAllText(_folder["a b.csv"]));
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal($"{home}/rows.csv", Cli.Asking.ExportFile.PathOf("~/rows.csv"));
        Assert.Equal("~tom/x.csv", Cli.Asking.ExportFile.PathOf("~tom/x.csv"));
        Assert.Equal("\"x", Cli.Asking.ExportFile.PathOf("\"x"));
    }

    [Theory]
    [InlineData("rows.parquet", ".parquet")]
    [InlineData("rows.JSON", ".JSON")]
    [InlineData("rows.csv", null)]
    [InlineData("rows.2024", null)]
    [InlineData("rows", null)]
    public void AnExport_HasNoNameOfAnotherFormat(string name, string? refused)
    {
        var run = Ask($":sql SELECT 1 AS one\n:export! {_folder[name]}\n", [_pets, .. Noise]);
        Assert.Equal(refused is null, File.Exists(_folder[name]));
        string expected = refused is null ? $"{name}: 1 row"
            : $"{name}: expected the name of a CSV file, found the ending {refused}; name it rows.csv.";
        Assert.Contains(expected, run.Error + run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void AnExport_NeverReplacesTheDataThatIsAsked()
    {
        string folder = _folder["linked"], log = _pets + "-wal";
        Directory.CreateSymbolicLink(folder, _folder.Path);
        File.WriteAllText(log, "changes");
        string[] names = [_pets, Path.Join(folder, "pets.csv"), Path.Join(_folder.Path, ".", "pets.csv"), log];
        var run = Ask(":sql SELECT 1 AS one\n" + string.Concat(names.Select(name => $":export! {name}\n")), [_pets, .. Noise]);
        Assert.All(names, name => Assert.Contains(
            $"lapidary: {name}: belongs to the data that is asked, which stays as it is; choose another name.\n", run.Error,
            StringComparison.Ordinal));
        Assert.StartsWith("name,kind", File.ReadAllText(_pets), StringComparison.Ordinal);
        Assert.Equal("changes", File.ReadAllText(log));
        Ask($":sql SELECT 1 AS one\n:export! {_pets}-2\n", [_pets, .. Noise]).Ok();
    }

    /// <summary>A word that other tools take as a command is no question.</summary>
    [Fact]
    public void AWordForHelpOrTheEnd_IsNotAsked()
    {
        var run = Ask("help\nQuit\nexit\n", [_pets, .. Noise]).Ok();
        Assert.Equal(3, run.Error.Split("Commands begin with a colon: :help lists them, :quit ends.\n").Length - 1);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public void Commands_ShowAndWrite()
    {
        string file = _folder["rows.csv"];
        const string Query = ":sql SELECT name, x'01ff' AS b, NULL AS n, 1.0 AS r FROM pets LIMIT 1";
        string lines = $":schema\n{Query}\n:export {file}\n:sql\n:history\n:quit\n:sql SELECT 2\n";
        var run = Ask(lines, [_pets, .. Noise, "--format", "json"]).Ok();
        Assert.Equal("""[{"name":"Rex","b":"x'01ff'","n":null,"r":1.0}]""" + "\n", run.Out);
        Assert.Contains("CREATE TABLE pets (name TEXT, kind TEXT, weight REAL);", run.Error, StringComparison.Ordinal);
        Assert.Contains($"written    {file}: 1 row\n", run.Error, StringComparison.Ordinal);
        Assert.Equal("name,b,n,r\nRex,x'01ff',,1.0\n", File.ReadAllText(file));
        Assert.Equal(2, run.Error.Split(Query).Length - 1);
        run = Ask($":sql SELECT 1\n:export {file}\n", [_pets, .. Noise]);
        Assert.Contains("is there already; choose another name, or type :export! to replace it.", run.Error, StringComparison.Ordinal);
        Assert.StartsWith("name,b", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_CutAndStop()
    {
        var run = Ask($":sql {Endless}x FROM c\n:sql {Endless}count(*) FROM c\n", [_pets, .. Noise, "--max-rows", "3", "--timeout", "0.2"]);
        Assert.Equal("x\n1\n2\n3\n", run.Out);
        Assert.Equal(
            "note       only the first 3 rows are here; --max-rows takes more.\nlapidary: The statement was stopped after 0.2 s, the "
            + "longest that one may run; read or join fewer rows, or allow more time with --timeout.\n",
            run.Error);
    }

    [Fact]
    public void ATable_HasWhatFits()
    {
        var run = Ask(":sql SELECT name, weight, NULL AS n FROM pets\n", [_pets, .. Noise, "--format", "table"]).Ok();
        Assert.Equal(
            """
            ╭────────────────┬────────┬──────╮
            │ name           │ weight │ n    │
            ├────────────────┼────────┼──────┤
            │ Rex            │    9.5 │ NULL │
            │ Tom, the "cat" │    4.5 │ NULL │
            │ Jerry          │    0.1 │ NULL │
            ╰────────────────┴────────┴──────╯

            """.ReplaceLineEndings("\n"),
            run.Out);
    }

    [Fact]
    public void CommandLines_AreCheckedFirst()
    {
        Ask("", [_pets, "How many?", "Which?", .. Noise]).AssertError(2, "expected one question in quotes after the files");
        Ask("", [_folder["gone.csv"], "How many?", .. Noise]).AssertError(1, "gone.csv: file not found");
        Ask("", [_pets, "other.csv", .. Noise]).AssertError(1, "other.csv: file not found");
        Ask("", [_folder.Path, "How many?"]).AssertError(1, "found a folder");
        Ask("", [_pets, "How many?"]).AssertError(
            2, "--model is missing, and lapidary-demo/merged is not here", "'lapidary demo' train a small one");
        Ask("", [_pets, "How many?", .. Noise, "--json", "--format", "csv"]).AssertError(2, "--format is not for --json");
        Ask("", [_pets, "How many?", .. Noise, "--timeout", "0"]).AssertError(2, "--timeout");
        Ask("", ["--model", SqlModel.Folder]).AssertError(2, "DATABASE");
        Ask("", [_pets, "How many?", "--model", TinyModel.Folder]).AssertError(1, "expected a tokenizer.json");
    }

    [Fact]
    public void SeveralFiles_AreTables()
    {
        string kinds = TinyModel.WriteLines(_folder.Path, "kinds of pets.csv", ["kind,legs", "dog,4", "cat,4"]);
        var run = Ask(":sql SELECT name, legs FROM pets JOIN kinds_of_pets USING (kind) ORDER BY name\n", [_pets, kinds, .. Noise]).Ok();
        Assert.Equal("name,legs\nRex,4\n\"Tom, the \"\"cat\"\"\",4\n", run.Out);
        Assert.Contains("its table is called kinds_of_pets", run.Error, StringComparison.Ordinal);
    }

    /// <summary>A database whose schema is whole and whose rows are not.</summary>
    private string Damaged()
    {
        string file = _folder["damaged.db"];
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE pets (name TEXT); "
                + "INSERT INTO pets SELECT hex(randomblob(900)) FROM json_each('[1,2,3,4,5,6,7,8,9]')";
            command.ExecuteNonQuery();
        }

        using var stream = File.OpenWrite(file);
        stream.Position = 4096;
        stream.Write(Enumerable.Repeat((byte)0x5A, 8192).ToArray());
        return file;
    }

    private static CliRun Ask(string input, string[] args) => CliRun.Of(input, CancellationToken.None, ["ask", .. args]);
}
