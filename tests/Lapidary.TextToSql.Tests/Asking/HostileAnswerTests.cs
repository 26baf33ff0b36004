using System.Diagnostics;

namespace Lapidary.TextToSql.Tests.Asking;

/// <summary>What a model may answer at its worst: nothing changes, and one line says why there are no rows.</summary>
public sealed class HostileAnswerTests : IDisposable
{
    private const string Endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT ";

    private readonly DataFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(
        "DROP TABLE pets", "\"DROP TABLE pets\" is refused: only queries run (SELECT, VALUES, WITH … SELECT); nothing was changed.")]
    [InlineData("```sql\nDELETE FROM pets;\n```", "\"DELETE FROM pets\" is refused: only queries run")]
    [InlineData("UPDATE pets SET name = 'x' RETURNING name", "is refused: only queries run")]
    [InlineData("INSERT INTO pets (name) VALUES ('x')", "is refused: only queries run")]
    [InlineData("WITH a AS (SELECT 1) DELETE FROM pets", "\"DELETE FROM pets\" is refused: only queries run")]
    [InlineData("WITH replace AS (SELECT 1) REPLACE INTO pets (name) VALUES ('x')", "\"REPLACE INTO pets\" is refused: only queries")]
    [InlineData("ATTACH 'other.db' AS other", "\"ATTACH other.db AS\" is refused: only queries run")]
    [InlineData("PRAGMA writable_schema = ON", "is refused: only queries run")]
    [InlineData("PRAGMA table_info(pets)", "is refused: only queries run")]
    [InlineData("VACUUM", "is refused: only queries run")]
    [InlineData("VACUUM INTO 'copy.db'", "is refused: only queries run")]
    [InlineData("BEGIN", "is refused: only queries run")]
    [InlineData("CREATE TEMP TABLE x (a)", "is refused: only queries run")]
    [InlineData("CREATE VIRTUAL TABLE x USING fts5(a)", "is refused: only queries run")]
    [InlineData("ANALYZE", "is refused: only queries run")]
    [InlineData("REINDEX", "is refused: only queries run")]
    [InlineData("SELECT load_extension('evil')", "The query is refused: The function load_extension is not allowed.")]
    [InlineData("SELECT * FROM pragma_database_list", "The query is refused: Reading pragma_database_list is not allowed.")]
    [InlineData("SELECT name FROM pets; DROP TABLE pets", "The query is refused: One statement is allowed")]
    [InlineData("EXPLAIN SELECT 1", "The query is refused: EXPLAIN is not allowed.")]
    [InlineData("SELECT writefile('f', 'x')", "no such function: writefile")]
    [InlineData("SELECT readfile('/etc/passwd')", "no such function: readfile")]
    [InlineData("SELECT name FROM pets WHERE id = ?", "The SQL has a parameter, ?, and nothing gives it a value")]
    [InlineData("I do not know.", "near \"I\"")]
    [InlineData("", "There is no SQL statement in the text.")]
    [InlineData("SELECT 'a\0b'", "The SQL has a NUL character after 9 others, expected text")]
    [InlineData("SELECT zeroblob(900000000)", "It makes a text or blob of more than 8388608 bytes")]
    [InlineData("SELECT group_concat(hex(zeroblob(5000000))) FROM pets", "It makes a text or blob of more than 8388608 bytes")]
    public async Task Answers_ChangeNothing(string answer, string why)
    {
        foreach (string file in (string[])[_folder.Database("a.db"), _folder.Write("pets.csv", "id,name\n1,Rex\n")])
        {
            string before = _folder.State();
            using var data = AskedData.Open([file], cancellationToken: Token);
            var result = await new QuestionAsker(data, new FakeWriter(answer), new AskOptions { MaxRetries = 0 }).AskAsync(
                "What?", cancellationToken: Token);
            Assert.Null(result.Result);
            Assert.Contains(why, result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', result.Error!);
            Assert.Equal(before, _folder.State());
            Assert.NotEqual(0L, data.Query("SELECT count(*) FROM pets", cancellationToken: Token).Rows[0][0]);
        }
    }

    [Theory]
    [InlineData(Endless + "count(*) FROM c")]
    [InlineData("SELECT count(*) FROM pets a, pets b, pets c, pets d, pets e, pets f, pets g, pets h, pets i, pets j, pets k, pets l, "
        + "pets m, pets n, pets o, pets p, pets q")]
    public async Task EndlessQueries_AreStopped_AndNotTriedAgain(string answer)
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        var options = new AskOptions { Limits = new QueryLimits { TimeLimit = TimeSpan.FromSeconds(0.5) } };
        var result = await new QuestionAsker(data, new FakeWriter(answer), options).AskAsync("What?", cancellationToken: Token);
        Assert.Equal(
            "The statement was stopped after 0.5 s, the longest that one may run; read or join fewer rows, or raise TimeLimit.",
            result.Error);
        Assert.Single(result.Attempts);
    }

    [Fact]
    public void LongQueries_AreRefused()
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        var failure = Assert.Throws<Formats.LapidaryException>(
            () => data.Query("SELECT 1 --" + new string('x', 200_000), cancellationToken: Token));
        Assert.Equal("The SQL has 200012 bytes, expected at most 20000; shorten it.", failure.Message);
    }

    /// <summary>SQLite makes the columns of a virtual table as if a statement created it, which is no write of the user's.</summary>
    [Fact]
    public async Task VirtualTables_AreNamed_AndTheModelMayAskOthers()
    {
        string file = _folder.Database("a.db", "CREATE TABLE pets (name); CREATE VIRTUAL TABLE words USING fts5(body); "
            + "CREATE VIEW seen AS SELECT body FROM words;");
        using var data = AskedData.Open([file], cancellationToken: Token);
        var answer = await new QuestionAsker(data, new FakeWriter("SELECT * FROM words", "SELECT count(*) FROM pets"), new())
            .AskAsync("How many?", cancellationToken: Token);
        Assert.Equal(
            "The query is refused: words is a virtual table, made by a module such as fts5 or rtree, and those are not read here; ask the "
            + "ordinary tables.",
            answer.Attempts[0].Error);
        Assert.Equal(0L, answer.Result!.Rows[0][0]);
        var failure = Assert.Throws<Formats.LapidaryException>(() => data.Query("SELECT * FROM seen", cancellationToken: Token));
        Assert.StartsWith("The query is refused: words is a virtual table, ", failure.Message, StringComparison.Ordinal);
        const string Left = "the view seen is left out: words is a virtual table";
        Assert.Contains(data.Notes, note => note.StartsWith(Left, StringComparison.Ordinal));
    }

    /// <summary>Sorting an endless result needs memory rather than time.</summary>
    [Fact]
    public void MemoryIsBounded()
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        var limits = new QueryLimits { TimeLimit = TimeSpan.FromMinutes(5) };
        var failure = Assert.Throws<Formats.LapidaryException>(
            () => data.Query(Endless + "randomblob(100000) AS b FROM c ORDER BY b", limits, Token));
        Assert.Contains("as SQLite needed more than", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EndlessResults_AreCut()
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        var result = data.Query(Endless + "x FROM c", new QueryLimits { MaxRows = 7 }, Token);
        Assert.Equal((7, true), (result.RowCount, result.IsCut));
        result = data.Query("SELECT name FROM pets", new QueryLimits { MaxRows = 3 }, Token);
        Assert.Equal((3, false), (result.RowCount, result.IsCut));
        result = data.Query(Endless + "zeroblob(5000000) FROM c", null, Token);
        Assert.Equal((3, true), (result.RowCount, result.IsCut));
    }

    [Fact]
    public void AQuery_IsCancelled()
    {
        using var data = AskedData.Open([_folder.Database("a.db")], cancellationToken: Token);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(0.2));
        var clock = Stopwatch.StartNew();
        Assert.Throws<OperationCanceledException>(
            () => data.Query(Endless + "count(*) FROM c", new QueryLimits { TimeLimit = TimeSpan.FromMinutes(5) }, stop.Token));
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(4));
        Assert.Single(data.Query("SELECT 1", cancellationToken: Token).Rows);
    }

    /// <summary>A view of a database that nobody has checked is compiled by SQLite, which nothing stops.</summary>
    [Fact]
    public void ChainsOfViews_AreLeftOut()
    {
        var views = Enumerable.Range(1, 20).Select(i => $"CREATE VIEW v{i} AS SELECT a.name FROM v{i - 1} AS a, v{i - 1} AS b;");
        string file = _folder.Database("a.db", $"CREATE TABLE v0 (name); {string.Join(' ', views)}");
        using var data = AskedData.Open([file], cancellationToken: Token);
        Assert.Contains("v0", data.Tables.Select(table => table.Name));
        Assert.DoesNotContain("v20", data.Tables.Select(table => table.Name));
        Assert.Contains(data.Notes, note => note.Contains("the view v20 is left out: Written out", StringComparison.Ordinal));
        Assert.Throws<Formats.LapidaryException>(() => data.Query("SELECT * FROM v20", cancellationToken: Token));
    }
}
