using Lapidary.TextToSql.Comparing;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Tests.Scoring;

/// <summary>No row ends a run, nor holds it; and a reference is right against itself.</summary>
public class HostileRowTests
{
    private const string Table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 5), (7, 6);";
    private const string Endless = "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void AnIndexWithAQuoteInItsName_IsAnAnswer() => Assert.Equal(
        SqlVerdict.Wrong, Score(Table, "INSERT INTO t VALUES (9, 9)", "CREATE INDEX \"a\"\"b\" ON t (id)").Verdict);

    [Theory]
    [InlineData("PRAGMA foreign_keys = ON; CREATE TABLE p (a INT); CREATE TABLE t (a INT REFERENCES p (a))")]
    [InlineData("PRAGMA foreign_keys = ON; CREATE TABLE t (a INT REFERENCES absent (a))")]
    [InlineData("CREATE TABLE t (a INT); CREATE TRIGGER z AFTER INSERT ON t BEGIN INSERT INTO absent VALUES (1); END")]
    [InlineData("CREATE TABLE t (a INT); CREATE TABLE u (a); "
        + "CREATE TRIGGER z AFTER INSERT ON t BEGIN INSERT INTO u SELECT load_extension('x'); END")]
    [InlineData("CREATE TABLE t (a INT); CREATE TABLE u (a); "
        + "CREATE TRIGGER z AFTER INSERT ON t BEGIN INSERT INTO u SELECT file FROM pragma_database_list; END")]
    public void TablesThatTakeNoRow_StayEmpty(string context)
    {
        var score = Score(context, "SELECT a FROM t");
        Assert.True(score.Verdict == SqlVerdict.EmptyReference, $"{score.Verdict}: {score.Why}");
    }

    [Fact]
    public void ATransactionThatCannotBeCommitted_IsTheContexts()
    {
        var score = Score(
            "PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY); "
            + "CREATE TABLE c (p INT REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED); BEGIN; INSERT INTO c VALUES (5)",
            "SELECT 1");
        Assert.Equal(SqlVerdict.FailedContext, score.Verdict);
        Assert.Contains("cannot be committed: FOREIGN KEY constraint failed", score.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void OwnStatements_FailWithTheirOwnError()
    {
        using var database = new GuardedDatabase(new GuardLimits(), cancellation: Token);
        var error = Assert.Throws<DatabaseFailure>(() => database.Ask("SELECT * FROM absent"));
        Assert.Equal((SqlFailureKind.Invalid, "no such table: absent"), (error.Failure.Kind, error.Message));
    }

    /// <summary>An endless trigger costs its table, not the run; the other tables are filled.</summary>
    [Fact]
    public void ATriggerWithoutEnd_LeavesItsTableEmpty()
    {
        string context = $"CREATE TABLE t (a INT); CREATE TABLE u (a); CREATE TABLE v (b INT); "
            + $"CREATE TRIGGER z AFTER INSERT ON t BEGIN INSERT INTO u SELECT * FROM ({Endless}); END";
        Assert.Equal(SqlVerdict.EmptyReference, Score(context, "SELECT a FROM t").Verdict);
        Assert.Equal(SqlVerdict.Right, Score(context, "SELECT b FROM v").Verdict);
        Assert.Equal(SqlVerdict.Right, Score(context, "UPDATE v SET b = b + 1").Verdict);
    }

    [Fact]
    public void RowsThatTakeMuch_ShareWhatFillingMayTake()
    {
        string context = "CREATE TABLE t (a INT); CREATE TABLE u (a); CREATE TRIGGER z AFTER INSERT ON t "
            + "BEGIN INSERT INTO u SELECT * FROM ("
            + "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 200) SELECT count(*) FROM c); END";
        const string Update = "UPDATE t SET a = a + 1";
        var options = new SqlScorerOptions { MaxSteps = 100_000 };
        var score = new SqlScorer(options).Score(new TextToSqlRow("", context, Update), Update, Token);
        Assert.Equal(SqlVerdict.FailedContext, score.Verdict);
        Assert.Contains("Filling its empty tables at random takes too many steps.", score.Why, StringComparison.Ordinal);
        Assert.Equal(SqlVerdict.Right, Score(context, Update).Verdict);
    }

    [Fact]
    public void ManyTables_AreFilledAsFarAsTheyAreRead()
    {
        string context = string.Concat(Enumerable.Range(0, 3000).Select(table =>
            $"CREATE TABLE t{table} (id INTEGER PRIMARY KEY, a INT{(table > 0 ? $" REFERENCES t{table / 2} (id)" : "")});"));
        Assert.Equal(SqlVerdict.Right, Score(context, "SELECT t2999.a FROM t2999 JOIN t1499 ON t1499.id = t2999.a").Verdict);
    }

    [Theory]
    [InlineData("UPDATE t SET b = b + 1", "UPDATE t SET b = b + 1", SqlVerdict.Right)]
    [InlineData("UPDATE t SET b = b + 1", "SELECT 1", SqlVerdict.Wrong)]
    [InlineData("SELECT b FROM t", "SELECT b FROM t", SqlVerdict.Right)]
    public void RowsThatRollAllBack_AreLeftOut(string reference, string answer, SqlVerdict verdict)
    {
        const string Trigger = "CREATE TABLE t (a INT, b INT); CREATE TRIGGER z BEFORE INSERT ON t WHEN new.b % 7 = 0 "
            + "BEGIN SELECT RAISE(ROLLBACK, 'x'); END";
        foreach (string context in (string[])[Trigger, "CREATE TABLE t (a INT UNIQUE ON CONFLICT ROLLBACK, b INT)"])
        {
            var score = Score(context, reference, answer);
            Assert.True(verdict == score.Verdict, $"{context}: {score.Verdict}: {score.Why}");
        }
    }

    [Theory]
    [InlineData("INSERT INTO t (a) SELECT last_insert_rowid()", SqlVerdict.Right)]
    [InlineData("INSERT INTO t SELECT last_insert_rowid() + 1, 2", SqlVerdict.Right)]
    [InlineData("SELECT last_insert_rowid()", SqlVerdict.Right)]
    [InlineData("INSERT INTO t (a) SELECT changes()", SqlVerdict.FailedReference)]
    [InlineData("SELECT total_changes()", SqlVerdict.FailedReference)]
    public void References_AreRightAgainstThemselves(string reference, SqlVerdict verdict)
    {
        foreach (string context in (string[])[Table, Table + "CREATE TABLE u (b INT); CREATE VIEW w AS SELECT b FROM u;"])
        {
            var score = Score(context, reference);
            Assert.True(verdict == score.Verdict, $"{score.Verdict}: {score.Why}");
        }

        Assert.True(Score(Table, "SELECT last_insert_rowid()", "SELECT 7").IsRight);
    }

    /// <summary>Many rows that differ in a late column, and sixty columns that are the same.</summary>
    [Fact]
    public void LargeResults_AreCompared()
    {
        string names = string.Join(", ", Enumerable.Range(0, 60).Select(column => $"c{column}"));
        string ones = string.Join(", ", Enumerable.Repeat("1", 60));
        string context = $"CREATE TABLE t ({names}, h INT); INSERT INTO t "
            + $"WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 10000) SELECT {ones}, i FROM c";
        var score = Score(context, "SELECT * FROM t", $"SELECT {names}, min(h, 9999) FROM t");
        Assert.Equal((SqlVerdict.Wrong, "The same rows, but not as often as expected."), (score.Verdict, score.Why));
        score = Score(context, "SELECT * FROM t", $"SELECT {names}, h + 1 FROM t");
        Assert.Equal(SqlVerdict.Wrong, score.Verdict);
        Assert.StartsWith("A row is not expected: 1, 1,", score.Why, StringComparison.Ordinal);
        Assert.True(Score(context, "SELECT * FROM t", $"SELECT h, {names} FROM t").IsRightByTestSuite);
    }

    [Fact]
    public void Ties_CompareByValue()
    {
        List<object?[]> rows = [["a", 1L], ["b", 1.0], ["c", 2L]];
        var ties = new TiedRows(rows, [new(1, "BINARY")], 1, 0);
        Assert.True(ties.Allow([["b"], ["a"], ["c"]]));
        Assert.False(ties.Allow([["a"], ["c"], ["b"]]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Intervals_EndAtTheEnds(bool isRight)
    {
        foreach (int count in (int[])[1, 3, 7, 49, 700, 1034])
        {
            var score = new SqlScore { Verdict = isRight ? SqlVerdict.Right : SqlVerdict.Wrong, Answer = "" };
            var (low, high) = SqlAccuracy.Of([.. Enumerable.Repeat(score, count)]).Interval;
            Assert.Equal(isRight ? 1.0 : 0.0, isRight ? high : low);
        }
    }

    private static SqlScore Score(string context, string reference, string? answer = null) =>
        new SqlScorer().Score(new TextToSqlRow("", context, reference), answer ?? reference, Token);
}
