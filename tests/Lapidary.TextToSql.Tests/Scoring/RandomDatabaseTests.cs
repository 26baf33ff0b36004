using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Filling;

namespace Lapidary.TextToSql.Tests.Scoring;

/// <summary>Tables without rows are filled at random, so that empty = empty proves nothing.</summary>
public class RandomDatabaseTests
{
    private const string Context = """
        CREATE TABLE stadium (stadium_id INTEGER PRIMARY KEY, name TEXT NOT NULL, capacity INTEGER CHECK (capacity >= 10), opened DATE);
        CREATE TABLE concert (concert_id INTEGER PRIMARY KEY, stadium_id INTEGER REFERENCES stadium (stadium_id), year TEXT, price REAL,
          kind TEXT CHECK (kind IN ('rock', 'folk')), UNIQUE (stadium_id, year));
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SELECT count(*) FROM concert", "SELECT 0", false)]
    [InlineData("SELECT count(*) FROM concert", "SELECT count(concert_id) FROM concert", true)]
    [InlineData("SELECT name FROM stadium WHERE capacity > 500", "SELECT name FROM stadium WHERE capacity >= 500", false)]
    [InlineData("SELECT name FROM stadium WHERE capacity > 500", "SELECT name FROM stadium WHERE capacity > 501", false)]
    [InlineData("SELECT name FROM stadium WHERE capacity > 500", "SELECT name FROM stadium WHERE NOT capacity <= 500", true)]
    [InlineData("SELECT name FROM stadium WHERE name = 'Hall'", "SELECT name FROM stadium WHERE name = 'HALL'", false)]
    [InlineData("SELECT name FROM stadium WHERE name LIKE '%Hall%'", "SELECT name FROM stadium WHERE name LIKE 'Hall%'", false)]
    [InlineData("SELECT year FROM concert", "SELECT DISTINCT year FROM concert", false)]
    [InlineData("SELECT name FROM stadium ORDER BY capacity DESC LIMIT 1", "SELECT name FROM stadium ORDER BY capacity LIMIT 1", false)]
    [InlineData("SELECT count(*) FROM stadium", "SELECT count(opened) FROM stadium", false)]
    [InlineData(
        "SELECT s.name FROM stadium s JOIN concert c ON s.stadium_id = c.stadium_id WHERE c.year = '2014'",
        "SELECT s.name FROM stadium s LEFT JOIN concert c ON s.stadium_id = c.stadium_id AND c.year = '2014'", false)]
    [InlineData(
        "SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert WHERE stadium_id IS NOT NULL)",
        "SELECT name FROM stadium s WHERE NOT EXISTS (SELECT 1 FROM concert c WHERE c.stadium_id = s.stadium_id)", true)]
    [InlineData(
        "SELECT name FROM stadium WHERE stadium_id IN (SELECT stadium_id FROM concert WHERE kind = 'rock' AND price < 20.5)",
        "SELECT name FROM stadium WHERE stadium_id IN (SELECT stadium_id FROM concert WHERE kind = 'rock' OR price < 20.5)", false)]
    [InlineData("SELECT nothing FROM stadium", "SELECT 1", null)]
    public void Answers_AreToldApart(string reference, string answer, bool? isRight)
    {
        var score = new SqlScorer().Score(new TextToSqlRow("", Context, reference), answer, Token);
        Assert.Equal(isRight is null ? SqlVerdict.FailedReference : isRight.Value ? SqlVerdict.Right : SqlVerdict.Wrong, score.Verdict);
        Assert.Equal(isRight is not null, score.OnRandomDatabases);
    }

    [Fact]
    public void Databases_HoldToTheSchema_AndRepeatThemselves()
    {
        var row = new TextToSqlRow("", Context, "SELECT name FROM stadium WHERE capacity > 500");
        var all = new HashSet<string>();
        for (int number = 0; number < 8; number++)
        {
            string first = Filled(row, 42, number);
            Assert.Equal(first, Filled(row, 42, number));
            all.Add(first);
            all.Add(Filled(row, 43, number));
        }

        Assert.Equal(16, all.Count);
    }

    [Fact]
    public void RowsOfTheContext_StayAsTheyAre()
    {
        var row = new TextToSqlRow("", Context + "INSERT INTO stadium VALUES (1, 'Own', 700, NULL)", "SELECT name FROM stadium");
        var score = new SqlScorer().Score(row, "SELECT 'Own'", Token);
        Assert.Equal((SqlVerdict.Right, false), (score.Verdict, score.OnRandomDatabases));

        // A table without rows is filled, with keys of the one that has some.
        row = row with { Sql = "SELECT s.name, count(*) FROM stadium s JOIN concert c ON c.stadium_id = s.stadium_id GROUP BY s.name" };
        score = new SqlScorer().Score(row, row.Sql, Token);
        Assert.Equal((SqlVerdict.Right, true, "Own"), (score.Verdict, score.OnRandomDatabases, (string?)score.Expected!.Rows[0][0]));
    }

    [Fact]
    public void NoRowsThatFit_IsAnEmptyReference()
    {
        var row = new TextToSqlRow("", "CREATE TABLE t (a INTEGER PRIMARY KEY CHECK (a < 0 AND a > 0))", "SELECT a FROM t");
        Assert.Equal(SqlVerdict.EmptyReference, new SqlScorer().Score(row, row.Sql, Token).Verdict);
    }

    private static string Filled(TextToSqlRow row, long seed, int number)
    {
        using var database = new GuardedDatabase(new GuardLimits());
        Assert.Null(database.Build(row.SqlContext));
        Assert.True(database.IsReading(row.Sql, out _));
        var filler = new DatabaseFiller(database, row, database.TablesRead, seed);
        Assert.True(filler.IsNeeded);
        database.BeginChanges();
        filler.Fill(number);
        Assert.Empty(database.Ask("PRAGMA foreign_key_check"));
        Assert.Equal("ok", database.Ask("PRAGMA integrity_check")[0][0]);
        var rows = database.Ask("SELECT * FROM stadium LEFT JOIN concert USING (stadium_id) ORDER BY 1, 5");
        Assert.NotEmpty(rows);
        database.UndoChanges();
        Assert.Empty(database.Ask("SELECT * FROM stadium"));
        return string.Join('\n', rows.Select(cells => string.Join('|', cells)));
    }
}
