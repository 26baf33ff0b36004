using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Tests.Scoring;

public class OrderTests
{
    private const string Context =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO t VALUES (1,'x',1),(2,'y',1),(3,'z',2),(4,'x',2),(5,'w',3);";

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
    public void Ties_MayStandInAnyOrder(string reference, string answer, bool isRight)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), answer, TestContext.Current.CancellationToken);
        Assert.Equal((isRight ? SqlVerdict.Right : SqlVerdict.Wrong, isRight), (score.Verdict, score.Why is null));
    }
}
