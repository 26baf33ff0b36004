namespace Lapidary.TextToSql.Tests.Scoring;

/// <summary>One answer by three definitions. What Spider's test suite and BIRD say of each case was found by running the functions of
/// their published scripts (exec_eval.py: eval_exec_match; evaluation_ex.py: calculate_ex) on this database.</summary>
public class DefinitionTests
{
    private const string Context = """
        CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, rate REAL, city TEXT);
        INSERT INTO singer VALUES (1,'Ann',30,1.5,'Bern'),(2,'Bob',30,2.0,'Bern'),(3,'Cid',25,1.5,NULL),(4,'Ann',41,3.25,'Oslo');
        CREATE TABLE song (song_id INTEGER PRIMARY KEY, singer_id INTEGER, title TEXT, sales INTEGER);
        INSERT INTO song VALUES (1,1,'A',9007199254740993),(2,1,'B',5),(3,2,'C',5);
        """;

    public static TheoryData<string, string, bool, bool, bool> Cases => new()
    {
        { "SELECT name FROM singer", "SELECT name FROM singer", true, true, true },
        { "SELECT name FROM singer", "SELECT name FROM singer ORDER BY name DESC", true, true, true },
        { "SELECT name FROM singer ORDER BY age, id", "SELECT name FROM singer ORDER BY name", false, false, true },
        { "SELECT name, age FROM singer ORDER BY age", "SELECT name, age FROM singer ORDER BY age, id DESC", true, false, true },
        { "SELECT name FROM singer", "SELECT DISTINCT name FROM singer", false, true, true },
        { "SELECT DISTINCT name FROM singer", "SELECT name FROM singer", false, true, true },
        { "SELECT name, age FROM singer", "SELECT age, name FROM singer", false, true, false },
        { "SELECT name FROM singer", "SELECT name, age FROM singer", false, false, false },
        {
            "SELECT name FROM singer WHERE id IN (SELECT singer_id FROM song ORDER BY sales LIMIT 5)",
            "SELECT name FROM singer WHERE id < 3 ORDER BY id DESC", true, false, true
        },
        { "SELECT 30", "SELECT 30.0", true, true, true },
        { "SELECT 0.3", "SELECT 0.1 + 0.2", true, false, false },
        { "SELECT 1.0", "SELECT 1.00001", false, false, false },
        { "SELECT 9007199254740993", "SELECT 9007199254740992", false, false, false },
        { "SELECT 9007199254740993", "SELECT 9007199254740992.0", true, false, false },
        { "SELECT city FROM singer WHERE id = 3", "SELECT NULL", true, true, true },
        { "SELECT NULL", "SELECT ''", false, false, false },
        { "SELECT 1", "SELECT '1'", false, false, false },
        { "SELECT 'a'", "SELECT 'A'", false, false, false },
        { "SELECT 'a'", "SELECT x'61'", false, false, false },
        { "SELECT count(DISTINCT name) FROM singer", "SELECT count(name) FROM singer", false, true, false },
        { "SELECT name FROM singer WHERE age >= 30", "SELECT name FROM singer WHERE age > = 30", false, true, false },
        { "SELECT name FROM singer", "SELEC name FROM singer", false, false, false },
        {
            "SELECT name FROM singer ORDER BY age DESC LIMIT 2", "SELECT name FROM singer ORDER BY age DESC, id DESC LIMIT 2",
            true, false, false
        },
        {
            "SELECT city, count(*) FROM singer GROUP BY city", "SELECT city, count(*) FROM singer GROUP BY city ORDER BY 2 DESC",
            true, true, true
        },
        { "SELECT name FROM singer WHERE city = \"Bern\"", "SELECT name FROM singer WHERE city = 'Bern'", true, true, true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Answer_IsRight_ByEachDefinition(string reference, string answer, bool ours, bool testSuite, bool bird)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), answer, TestContext.Current.CancellationToken);
        Assert.True(score.IsScored, score.Why);
        Assert.Equal((ours, testSuite, bird), (score.IsRight, score.IsRightByTestSuite, score.IsRightByBird));
        Assert.Equal(ours, score.Why is null);
    }

    /// <summary>Both scripts take two empty results for equal, and with them any query that finds nothing.</summary>
    [Fact]
    public void EmptyReference_IsNotScored()
    {
        var row = new TextToSqlRow("", Context, "SELECT name FROM singer WHERE id > 9");
        var score = new SqlScorer().Score(row, "SELECT id, age FROM singer WHERE id > 9", TestContext.Current.CancellationToken);
        Assert.Equal(SqlVerdict.EmptyReference, score.Verdict);
        Assert.False(score.IsScored || score.IsRight || score.OnRandomDatabases);
    }
}
