using System.Diagnostics;
using Lapidary.Tests;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Tests.Scoring;

/// <summary>SQL that nobody has checked: what it may do and how long it may take.</summary>
public class GuardTests
{
    private const string Context =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, x REAL); INSERT INTO t VALUES (1,'a',1.5),(2,'b',2.5),(3,NULL,3);";

    private const string Endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT ";

    /// <summary>Far above what the limits allow, so that a busy machine passes.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static TheoryData<string, SqlVerdict> Hostile => new()
    {
        { "ATTACH DATABASE 'stolen.db' AS x", SqlVerdict.Refused },
        { "/**/aTtAcH ':memory:' AS \"main2\"", SqlVerdict.Refused },
        { "VACUUM INTO 'copy.db'", SqlVerdict.Refused },
        { "VACUUM", SqlVerdict.Refused },
        { "PRAGMA table_info(t)", SqlVerdict.Refused },
        { "PRAGMA writable_schema = ON", SqlVerdict.Refused },
        { "SELECT * FROM pragma_table_info('t')", SqlVerdict.Refused },
        { "SELECT * FROM main.\"pragma_database_list\"", SqlVerdict.Refused },
        { "WITH pragma_x AS (SELECT 1) SELECT * FROM pragma_x, pragma_compile_options", SqlVerdict.Refused },
        { "SELECT load_extension('evil')", SqlVerdict.Refused },
        { "SELECT fts3_tokenizer('simple')", SqlVerdict.Refused },
        { "SELECT sqlite_version()", SqlVerdict.Refused },
        { "SELECT writefile('f', 'x')", SqlVerdict.InvalidSql },
        { "SELECT readfile('/etc/passwd')", SqlVerdict.InvalidSql },
        { "SELECT * FROM dbstat", SqlVerdict.InvalidSql },
        { "CREATE VIRTUAL TABLE f USING fts5(a)", SqlVerdict.Refused },
        { "CREATE VIRTUAL TABLE f USING rtree(i, a, b)", SqlVerdict.Refused },
        { "CREATE TEMP TABLE x(a)", SqlVerdict.Refused },
        { "BEGIN", SqlVerdict.Refused },
        { "SAVEPOINT s", SqlVerdict.Refused },
        { "ANALYZE", SqlVerdict.Refused },
        { "REINDEX", SqlVerdict.Refused },
        { "EXPLAIN SELECT 1", SqlVerdict.Refused },
        { "EXPLAIN QUERY PLAN SELECT 1", SqlVerdict.Refused },
        { "DROP TABLE t", SqlVerdict.Refused },
        { "DELETE FROM t", SqlVerdict.Refused },
        { "UPDATE t SET x = 5 RETURNING name", SqlVerdict.Refused },
        { "INSERT INTO t(name) VALUES ('z') RETURNING name", SqlVerdict.Refused },
        { "WITH a AS (SELECT 1) DELETE FROM t", SqlVerdict.Refused },
        { "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", SqlVerdict.Refused },
        { "SELECT name FROM t; DROP TABLE t", SqlVerdict.Refused },
        { "SELECT name FROM t; SELECT name FROM t", SqlVerdict.Refused },
        { "SELECT name FROM t WHERE id = ?", SqlVerdict.InvalidSql },
        { "SELECT name FROM t WHERE id = :id", SqlVerdict.InvalidSql },
        { "SELECT 'a\0b'", SqlVerdict.InvalidSql },
        { "", SqlVerdict.InvalidSql },
        { ";", SqlVerdict.InvalidSql },
        { "-- nothing", SqlVerdict.InvalidSql },
        { Endless + "count(*) FROM c", SqlVerdict.TimedOut },
        { Endless + "x FROM c", SqlVerdict.TooLarge },
        { Endless + "x FROM c ORDER BY -x", SqlVerdict.TimedOut },
        { "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l, t m, t n, t o, t p, t q", SqlVerdict.TimedOut },
        { "SELECT zeroblob(1000000000)", SqlVerdict.TooLarge },
        { "SELECT randomblob(900000000)", SqlVerdict.TooLarge },
        { "SELECT printf('%.*c', 900000000, 'x')", SqlVerdict.TooLarge },
        { "SELECT hex(zeroblob(900000))", SqlVerdict.TooLarge },
        { "SELECT replace(hex(zeroblob(400000)), '0', 'xxxxxxxxxx')", SqlVerdict.TooLarge },
        { "SELECT group_concat(hex(zeroblob(300000))) FROM t", SqlVerdict.TooLarge },
        { "WITH RECURSIVE c(s) AS (SELECT 'a' UNION ALL SELECT s || s FROM c) SELECT length(s) FROM c", SqlVerdict.TooLarge },
        { "SELECT instr(hex(zeroblob(400000)), hex(zeroblob(200000)) || '1')", SqlVerdict.InvalidSql },
        { "SELECT trim(hex(zeroblob(400000)), hex(zeroblob(400000)))", SqlVerdict.Wrong },
        { "SELECT hex(zeroblob(400000)) LIKE '%0%0%0%0%0%0%0%0%0%0%0%0%0%1'", SqlVerdict.Wrong },
        { $"SELECT 'a' LIKE '{new string('%', 600)}'", SqlVerdict.InvalidSql },
        { $"SELECT {string.Join(" + ", Enumerable.Repeat("1", 900))}", SqlVerdict.InvalidSql },
        { string.Join(" UNION ", Enumerable.Repeat("SELECT 1", 200)), SqlVerdict.InvalidSql },
        { $"SELECT {string.Join(", ", Enumerable.Repeat("1", 8000))}", SqlVerdict.TooLarge },
        { Chain(14), SqlVerdict.TooLarge },
        { Chain(60), SqlVerdict.TooLarge },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileAnswers_AreStopped(string answer, SqlVerdict verdict)
    {
        var clock = Stopwatch.StartNew();
        var row = new TextToSqlRow("", Context, "SELECT name FROM t");
        var score = new SqlScorer().Score(row, answer, TestContext.Current.CancellationToken);
        Assert.Equal(verdict, score.Verdict);
        Assert.NotNull(score.Why);
        Assert.DoesNotContain('\n', score.Why);
        Assert.False(score.IsRight || score.IsRightByBird || score.IsRightByTestSuite);
        Assert.True(clock.Elapsed < Bound, $"{clock.Elapsed}");
    }

    /// <summary>A pattern in a long text is a step of a second or so: the limit of time ends them, and not the net behind it, which gives
    /// up the thread.</summary>
    [Theory]
    [InlineData("GLOB", "*", false)]
    [InlineData("LIKE", "%", false)]
    [InlineData("GLOB", "*", true)]
    public void SlowPatterns_EndAtTheLimitOfTime(string operation, string any, bool isInAView)
    {
        string slow = "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200) SELECT "
            + $"sum(hex(zeroblob(200000 + i)) {operation} '{any}{new string('0', 480)}1{any}') FROM c";
        var row = new TextToSqlRow("", isInAView ? $"{Context} CREATE VIEW slow AS {slow};" : Context, "SELECT name FROM t");
        var score = new SqlScorer(new SqlScorerOptions { TimeLimit = TimeSpan.FromSeconds(2) }).Score(
            row, isInAView ? "SELECT * FROM slow" : slow, TestContext.Current.CancellationToken);
        Assert.Equal(
            (SqlVerdict.TimedOut, "The statement was stopped after 2 s, the longest that one may run."), (score.Verdict, score.Why));
    }

    [Theory]
    [InlineData("USE db; CREATE TABLE t(name TEXT)", false)]
    [InlineData("CREATE TABLE t(name ENUM('a', 'b'))", false)]
    [InlineData("CREATE TABLE t(name TEXT); INSERT INTO t VALUES ('a', 2)", false)]
    [InlineData("ATTACH 'other.db' AS o; CREATE TABLE t(name TEXT)", false)]
    [InlineData("PRAGMA journal_mode = WAL; CREATE TABLE t(name TEXT)", false)]
    [InlineData("CREATE VIRTUAL TABLE t USING fts5(name)", false)]
    [InlineData("CREATE TABLE t(name TEXT); INSERT INTO t " + Endless + "x FROM c", false)]
    [InlineData("CREATE TABLE t(name TEXT); INSERT INTO t " + Endless + "randomblob(900000) FROM c", false)]
    [InlineData("CREATE TABLE t(id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(10)); INSERT INTO t VALUES (1, 'a')", true)]
    [InlineData("CREATE TABLE `t`(`id` SERIAL, `name` TEXT) -- end\n; INSERT INTO [t] VALUES (1, \"a\")", true)]
    [InlineData("PRAGMA foreign_keys=ON; BEGIN TRANSACTION; CREATE TABLE t(name); INSERT INTO t VALUES ('a'); COMMIT; SELECT 1", true)]
    [InlineData("BEGIN; CREATE TABLE t(name TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t DEFAULT VALUES", true)]
    [InlineData("CREATE TABLE o(name TEXT); INSERT INTO o VALUES ('a'); CREATE VIEW t AS SELECT name FROM o", true)]
    public void Contexts_RunAsSqliteRunsThem(string context, bool runs)
    {
        var score = new SqlScorer().Score(
            new TextToSqlRow("", context, "SELECT name FROM t"), "SELECT name FROM t", TestContext.Current.CancellationToken);
        Assert.Equal(runs ? SqlVerdict.Right : SqlVerdict.FailedContext, score.Verdict);
        if (!runs) Assert.StartsWith("The context does not run: Statement ", score.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_AreNotTouched()
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string sql in (string[])["ATTACH '{0}/a.db' AS x", "VACUUM INTO '{0}/b.db'", "ATTACH 'file:{0}/c.db?mode=rwc' AS x"])
        {
            string text = string.Format(null, sql, folder);
            foreach (string context in (string[])[Context, Context + text])
                new SqlScorer().Score(new TextToSqlRow("", context, text), text, TestContext.Current.CancellationToken);
        }

        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    [Fact]
    public void ChanceAndClock_RepeatThemselves()
    {
        const string sql = "SELECT random(), hex(randomblob(8)), date('now'), CURRENT_TIMESTAMP, strftime('%Y-%m', 'now', '-1 month'), "
            + "datetime('2020-05-05 10:00:00', 'localtime'), julianday(), unixepoch('subsec')";
        var first = Sandbox.Run("", sql, cancellation: TestContext.Current.CancellationToken);
        var second = Sandbox.Run("", sql, cancellation: TestContext.Current.CancellationToken);
        Assert.Null(first.Failure);
        Assert.Equal(first.Result!.Rows[0], second.Result!.Rows[0]);
        Assert.Equal(
            ["2024-01-01", "2024-01-01 12:00:00", "2023-12", "2020-05-05 10:00:00"], first.Result.Rows[0].Skip(2).Take(4));
    }

    /// <summary>SQLite's own functions that are replaced give what SQLite's give.</summary>
    [Theory]
    [InlineData("instr('héllo', 'l')", 3L)]
    [InlineData("instr('abc', '')", 1L)]
    [InlineData("instr(x'0102', x'02')", 2L)]
    [InlineData("instr(NULL, 'a')", null)]
    [InlineData("instr(1234, 3)", 3L)]
    [InlineData("replace('aXbX', 'X', 'yy')", "ayybyy")]
    [InlineData("replace('abc', '', 'z')", "abc")]
    [InlineData("replace('abc', 'b', NULL)", null)]
    [InlineData("trim('xxaxx', 'x')", "a")]
    [InlineData("ltrim('xyaxy', 'yx')", "axy")]
    [InlineData("rtrim('1.500', '0')", "1.5")]
    [InlineData("trim('  a ')", "a")]
    [InlineData("date('2024-02-28', '+2 days')", "2024-03-01")]
    [InlineData("strftime('%w', '2024-01-01')", "1")]
    [InlineData("date('nonsense')", null)]
    [InlineData("date(NULL)", null)]
    [InlineData("typeof(julianday('2020-01-01'))", "real")]
    public void ReplacedFunctions_GiveWhatSqliteGives(string expression, object? expected) => Assert.Equal(
        expected, Sandbox.Run("", "SELECT " + expression, cancellation: TestContext.Current.CancellationToken).Result!.Rows[0][0]);

    [Fact]
    public void Memory_IsBounded()
    {
        const string sql = Endless + "x, randomblob(100000) r FROM c ORDER BY r";
        var options = new SqlScorerOptions { MaxDatabaseBytes = 8 << 20 };
        var row = new TextToSqlRow("", Context, "SELECT name FROM t");
        var scores = new SqlScorer(options).ScoreAll(
            [row, row, row], [sql, row.Sql, sql], null, TestContext.Current.CancellationToken);
        Assert.Equal([SqlVerdict.TooLarge, SqlVerdict.Right, SqlVerdict.TooLarge], scores.Select(score => score.Verdict));
    }

    [Fact]
    public void Cancellation_StopsAQuery()
    {
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        var options = new SqlScorerOptions { MaxSteps = long.MaxValue / 2, TimeLimit = TimeSpan.FromMinutes(10) };
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new SqlScorer(options).Score(new TextToSqlRow("", Context, "SELECT name FROM t"), Endless + "count(*) FROM c", source.Token));
    }

    /// <summary>Each of a chain of WITH clauses names the one before it twice.</summary>
    private static string Chain(int length) => "WITH c0 AS (SELECT 1 x)"
        + string.Concat(Enumerable.Range(1, length).Select(i => $", c{i} AS (SELECT p.x FROM c{i - 1} p, c{i - 1} q)"))
        + $" SELECT * FROM c{length}";
}
