using System.Diagnostics;
using Lapidary.Formats;
using Lapidary.TextToSql.Scoring;

namespace Lapidary.TextToSql.Tests.Scoring;

public class SqlScorerTests
{
    private const string Context = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO t VALUES (1,'x',1),(2,'y',5);";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Results_PrintAsTables()
    {
        string Table(string sql) =>
            new SqlScorer().Score(new TextToSqlRow("", Context, "SELECT 1"), sql, Token).Found!.ToString().ReplaceLineEndings("\n");

        Assert.Equal("id  name  none\n1   x     NULL\n2   y     NULL", Table("SELECT id, a AS name, NULL AS none FROM t ORDER BY id"));
        Assert.Equal("n\n1\n2\n3\n4\n5\n(2 more rows)", Table("SELECT column1 AS n FROM (VALUES (1), (2), (3), (4), (5), (6), (7))"));
        Assert.Equal("long\naaaaaaaaaaaaaaaaaaaaaaa…", Table("SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' AS long"));
    }

    [Theory]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "UPDATE t SET b = 9 WHERE a = 'x'", SqlVerdict.Right)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "UPDATE t SET b = 9 WHERE a = 'x' RETURNING *", SqlVerdict.Right)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "UPDATE t SET b = 9", SqlVerdict.Wrong)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "SELECT 9", SqlVerdict.Wrong)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "DROP TABLE t", SqlVerdict.Wrong)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "UPDATE t SET b = 9 WHERE id = 1; COMMIT", SqlVerdict.Refused)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "COMMIT", SqlVerdict.Refused)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 1", "INSERT OR ROLLBACK INTO t VALUES (1, 'z', 0)", SqlVerdict.InvalidSql)]
    [InlineData("UPDATE t SET b = 9 WHERE id = 77", "UPDATE t SET b = 9 WHERE id = 77", SqlVerdict.EmptyReference)]
    [InlineData("INSERT INTO t VALUES (3, 'z', 7)", "INSERT INTO t (b, a, id) SELECT 7, 'z', 3", SqlVerdict.Right)]
    [InlineData("INSERT INTO t VALUES (3, 'z', 7)", "INSERT INTO t VALUES (3, 'z', 8)", SqlVerdict.Wrong)]
    [InlineData("DELETE FROM t WHERE b > 4", "DELETE FROM t WHERE id = 2", SqlVerdict.Right)]
    [InlineData("CREATE TABLE u (a INT, b VARCHAR(10))", "CREATE TABLE u (a INTEGER, b TEXT)", SqlVerdict.Right)]
    [InlineData("CREATE TABLE u (a INT, b VARCHAR(10))", "CREATE TABLE u (a INTEGER, c TEXT)", SqlVerdict.Wrong)]
    [InlineData("CREATE TABLE u (a INT, b VARCHAR(10))", "CREATE TABLE v (a INT, b VARCHAR(10))", SqlVerdict.Wrong)]
    [InlineData("CREATE INDEX i ON t (a)", "CREATE INDEX other ON t (a)", SqlVerdict.Right)]
    [InlineData("CREATE VIEW v AS SELECT a FROM t WHERE b > 2", "CREATE VIEW v AS SELECT a FROM t WHERE id = 2", SqlVerdict.Right)]
    [InlineData("ALTER TABLE t ADD COLUMN c INT DEFAULT 4", "ALTER TABLE t ADD c INTEGER DEFAULT 4", SqlVerdict.Right)]
    [InlineData("ALTER TABLE t DROP COLUMN b", "ALTER TABLE t DROP COLUMN a", SqlVerdict.Wrong)]
    [InlineData("DROP TABLE t", "DROP TABLE IF EXISTS t", SqlVerdict.Right)]
    public void References_ThatWrite_AreComparedByWhatTheyLeave(string reference, string answer, SqlVerdict verdict)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), answer, Token);
        Assert.True(verdict == score.Verdict, $"{score.Verdict}: {score.Why}");
        Assert.Equal(verdict == SqlVerdict.Right, score.IsRightByBird && score.IsRightByTestSuite && score.IsRight);
    }

    [Theory]
    [InlineData("SELECT nothing FROM t")]
    [InlineData("SELECT 1; SELECT 2")]
    [InlineData("PRAGMA table_info(t)")]
    [InlineData("")]
    [InlineData("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c")]
    public void References_ThatFail_AreCountedApart(string reference)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), reference, Token);
        Assert.Equal(SqlVerdict.FailedReference, score.Verdict);
        Assert.StartsWith("The reference does not run: ", score.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Score_ShowsBothResults()
    {
        var row = new TextToSqlRow("", Context, "SELECT a, b FROM t") { Complexity = "simple" };
        var score = new SqlScorer().Score(row, "```sql\nSELECT a, b + 1 AS c FROM t;\n```", Token);
        Assert.Equal((SqlVerdict.Wrong, "A row is not expected: 'x', 2.", "SELECT a, b + 1 AS c FROM t;", "simple"),
            (score.Verdict, score.Why, score.Answer, score.Complexity));
        Assert.Equal(["a", "b"], score.Expected!.Columns);
        Assert.Equal(["a", "c"], score.Found!.Columns);
        Assert.Equal<object?>(["y", 6L], score.Found.Rows[1]);
        Assert.Equal((2, true, false), (score.Found.RowCount, score.IsParsed, score.OnRandomDatabases));
    }

    [Fact]
    public void ScoreAll_KeepsTheOrder_AndTellsOfItsProgress()
    {
        var rows = Enumerable.Range(0, 200).Select(i =>
            new TextToSqlRow("", Context, $"SELECT b + {i} FROM t") { Complexity = i % 2 == 0 ? "a" : "b" }).ToList();
        var answers = rows.Select((row, i) => i % 4 == 0 ? "SELECT -1" : row.Sql).ToList();
        var seen = new List<WorkProgress>();
        var scores = new SqlScorer().ScoreAll(rows, answers, seen.Add, Token);
        Assert.Equal(rows.Select((_, i) => i % 4 != 0), scores.Select(score => score.IsRight));
        Assert.Equal(Enumerable.Range(1, 200).Select(done => (long)done), seen.Select(progress => progress.Done));
        var accuracy = SqlAccuracy.Of(scores);
        Assert.Equal((200, 0.75, 1.0), (accuracy.Rows, accuracy.ExecutionAccuracy, accuracy.ParseRate));
        Assert.Equal(new SqlComplexityAccuracy(100, 0.5), accuracy.ByComplexity["a"]);
        Assert.Equal((0.6857, 0.8049), (Math.Round(accuracy.Interval.Low, 4), Math.Round(accuracy.Interval.High, 4)));
        Assert.Equal(50, accuracy.ByVerdict[SqlVerdict.Wrong]);
    }

    [Fact]
    public void ScoreAll_NamesBothCounts()
    {
        var error = Assert.Throws<LapidaryException>(() => new SqlScorer().ScoreAll([new("", Context, "SELECT 1")], [], null, Token));
        Assert.Equal("There are 0 answers for 1 rows; one for each row is expected.", error.Message);
        Assert.Empty(new SqlScorer().ScoreAll([], [], null, Token));
        Assert.Equal((0, 0.0, (0.0, 1.0)), (SqlAccuracy.Of([]).Rows, SqlAccuracy.Of([]).ExecutionAccuracy, SqlAccuracy.Of([]).Interval));
    }

    /// <summary>A thread that hangs is left behind, and the others go on.</summary>
    [Fact]
    public void Work_ThatShowsNoSignOfLife_IsGivenUp()
    {
        using var never = new ManualResetEventSlim();
        var done = new List<int>();
        var given = new List<int>();
        new WatchedWork(TimeSpan.FromSeconds(1)).Run(
            6,
            2,
            (piece, _) =>
            {
                if (piece == 1) never.Wait(TimeSpan.FromMinutes(5), Token);
                return () => done.Add(piece);
            },
            given.Add,
            null);
        never.Set();
        Assert.Equal([1], given);
        Assert.Equal([0, 2, 3, 4, 5], done.Order());
    }

    /// <summary>Cancelling ends work beside a thread that hangs, also in its last piece.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Work_ThatIsCancelled_EndsSoon(int slow)
    {
        using var never = new ManualResetEventSlim();
        using var stop = new CancellationTokenSource();
        var done = new List<int>();
        var clock = Stopwatch.StartNew();
        Assert.Throws<OperationCanceledException>(() => new WatchedWork(TimeSpan.FromMinutes(5), stop.Token).Run(
            4,
            2,
            (piece, _) =>
            {
                if (piece == slow)
                {
                    stop.Cancel();
                    never.Wait(TimeSpan.FromMinutes(5), Token);
                }

                return () => done.Add(piece);
            },
            _ => Assert.Fail("nothing is given up"),
            null));
        never.Set();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed}");
        Assert.DoesNotContain(slow, done);
    }

    [Fact]
    public void BuiltInRows_AreRightAgainstThemselves()
    {
        var rows = TextToSqlData.Rows();
        var accuracy = SqlAccuracy.Of(new SqlScorer().ScoreAll(rows, [.. rows.Select(row => row.Sql)], null, Token));
        Assert.Equal((1.0, 1.0, 1.0, 0, 0), (
            accuracy.ExecutionAccuracy, accuracy.BirdAccuracy, accuracy.TestSuiteAccuracy,
            accuracy.FailedContext, accuracy.FailedReference));
        Assert.Equal(rows.Count, accuracy.Rows + accuracy.EmptyReference);
    }
}
