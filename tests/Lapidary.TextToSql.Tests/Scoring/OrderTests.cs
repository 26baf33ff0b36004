using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Tests.Scoring;

public class OrderTests
{
    private const string Context =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); "
        + "INSERT INTO t VALUES (1,'x',1),(2,'y',1),(3,'z',2),(4,'x',2),(5,'w',3);";

    [Theory]
    [InlineData("SELECT a FROM t ORDER BY b", true)]
    [InlineData("SELECT a FROM t /* x */ order -- y\n by b LIMIT 3;", true)]
    [InlineData("WITH c AS (SELECT 1 ORDER BY 1) SELECT * FROM c", false)]
    [InlineData("WITH c AS (SELECT 1) SELECT * FROM c ORDER BY 1", true)]
    [InlineData("SELECT a FROM (SELECT a FROM t ORDER BY b)", false)]
    [InlineData("SELECT a FROM t UNION SELECT a FROM t ORDER BY 1", true)]
    [InlineData("SELECT row_number() OVER (ORDER BY b) FROM t", false)]
    [InlineData("SELECT 'x ORDER BY b' FROM t", false)]
    [InlineData("SELECT \"x ORDER BY b\", `ORDER BY`, [ORDER BY 1] FROM t -- ORDER BY b", false)]
    [InlineData("SELECT 'it''s ( ' FROM t ORDER BY 1", true)]
    public void OrderBy_IsFoundInTheOutermostQuery(string sql, bool isOrdered) => Assert.Equal(isOrdered, OuterOrder.Of(sql) is not null);

    [Theory]
    [InlineData("SELECT a FROM t ORDER BY b", "SELECT a FROM t ORDER BY b, id DESC", true)]
    [InlineData("SELECT a FROM t ORDER BY b", "SELECT a FROM t ORDER BY a", false)]
    [InlineData("SELECT a AS n FROM t AS q ORDER BY q.b DESC NULLS LAST", "SELECT a FROM t ORDER BY b DESC, id DESC", true)]
    [InlineData("SELECT a, b FROM t ORDER BY 2", "SELECT a, b FROM t ORDER BY b, a DESC", true)]
    [InlineData("SELECT b, count(*) FROM t GROUP BY b ORDER BY count(*)", "SELECT b, count(*) FROM t GROUP BY b ORDER BY 2, b DESC", true)]
    [InlineData("SELECT b, count(*) FROM t GROUP BY b ORDER BY count(*)", "SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC", false)]
    [InlineData("SELECT a FROM t ORDER BY b LIMIT 1", "SELECT a FROM t ORDER BY b, id DESC LIMIT 1", true)]
    [InlineData("SELECT a FROM t ORDER BY b LIMIT 1", "SELECT a FROM t ORDER BY b DESC LIMIT 1", false)]
    [InlineData("SELECT a FROM t ORDER BY b LIMIT 2 OFFSET 1", "SELECT 'x' UNION ALL SELECT 'z'", true)]
    [InlineData("SELECT a FROM t ORDER BY b LIMIT 1, 2", "SELECT 'z' UNION ALL SELECT 'x'", false)]
    [InlineData("SELECT a FROM t ORDER BY b LIMIT 2", "SELECT 'x' UNION ALL SELECT 'x'", false)]
    [InlineData("SELECT DISTINCT a FROM t ORDER BY b", "SELECT 'y' UNION ALL SELECT 'x' UNION ALL SELECT 'z' UNION ALL SELECT 'w'", false)]
    [InlineData("SELECT a, b FROM t UNION SELECT a, b FROM t ORDER BY b", "SELECT a, b FROM t ORDER BY b, a DESC", true)]
    [InlineData("SELECT * FROM t ORDER BY b", "SELECT * FROM t ORDER BY b, id DESC", true)]
    [InlineData("SELECT a FROM t ORDER BY b COLLATE NOCASE DESC", "SELECT a FROM t ORDER BY b DESC, id DESC", true)]
    public void Ties_MayStandInAnyOrder(string reference, string answer, bool isRight)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), answer, TestContext.Current.CancellationToken);
        Assert.Equal((isRight ? SqlVerdict.Right : SqlVerdict.Wrong, isRight), (score.Verdict, score.Why is null));
    }

    /// <summary>Texts tie by the collation that SQLite sorts by: the one that ORDER BY names, else the column's.</summary>
    [Theory]
    [InlineData("SELECT b FROM c ORDER BY a COLLATE NOCASE", "SELECT b FROM c ORDER BY a COLLATE NOCASE, b DESC", true)]
    [InlineData("SELECT b FROM c ORDER BY a COLLATE NoCase DESC", "SELECT b FROM c ORDER BY a COLLATE NOCASE DESC, b DESC", true)]
    [InlineData("SELECT b, a FROM c ORDER BY 2 COLLATE nocase", "SELECT b, a FROM c ORDER BY a COLLATE NOCASE, b DESC", true)]
    [InlineData("SELECT b FROM c ORDER BY a COLLATE NOCASE LIMIT 1", "SELECT 2", true)]
    [InlineData("SELECT b FROM c ORDER BY a COLLATE NOCASE", "SELECT b FROM c ORDER BY b DESC", false)]
    [InlineData("SELECT b FROM c ORDER BY n", "SELECT b FROM c ORDER BY n, b DESC", true)]
    [InlineData("SELECT n, b FROM c ORDER BY n", "SELECT n, b FROM c ORDER BY n, b DESC", true)]
    [InlineData("SELECT x.b FROM (SELECT n AS m, b FROM c) AS x ORDER BY x.m", "SELECT b FROM c ORDER BY n, b DESC", true)]
    [InlineData("SELECT b FROM c ORDER BY n COLLATE BINARY", "SELECT b FROM c ORDER BY n, b", false)]
    [InlineData("SELECT b FROM c ORDER BY a", "SELECT b FROM c ORDER BY a COLLATE NOCASE, b", false)]
    [InlineData("SELECT b FROM c ORDER BY r", "SELECT b FROM c ORDER BY r, b DESC", true)]
    [InlineData("SELECT b FROM c ORDER BY u COLLATE NOCASE", "SELECT 3 UNION ALL SELECT 1 UNION ALL SELECT 2", false)]
    public void Ties_AreThoseOfTheCollation(string reference, string answer, bool isRight)
    {
        const string Collated =
            "CREATE TABLE c (a TEXT, b INT, n TEXT COLLATE NOCASE, r TEXT COLLATE RTRIM, u TEXT); "
            + "INSERT INTO c VALUES ('x',1,'k','s','\u00e4'), ('X',2,'K','s  ','\u00c4'), ('y',3,'l','t','z');";
        var score = new SqlScorer().Score(new TextToSqlRow("", Collated, reference), answer, TestContext.Current.CancellationToken);
        Assert.True((isRight ? SqlVerdict.Right : SqlVerdict.Wrong) == score.Verdict, $"{score.Verdict}: {score.Why}");
    }
}
