namespace Lapidary.TextToSql.Tests.Scoring;

/// <summary>References that write: what a database has afterwards is compared by what it is, not by its words.</summary>
public class ChangeTests
{
    private const string Context =
        "CREATE TABLE p (id INTEGER PRIMARY KEY, x INT, y INT, UNIQUE (x, y)); CREATE TABLE t (a INT, b TEXT, c TEXT); "
        + "INSERT INTO t VALUES (1, 'x', 'k'), (2, 'y', 'l');";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("CREATE INDEX i ON t (lower(b))", "CREATE INDEX IF NOT EXISTS j ON \"T\" ( LOWER(`b`) /* x */ ASC )", true)]
    [InlineData("CREATE INDEX i ON t (lower(b))", "CREATE INDEX i ON t (abs(a))", false)]
    [InlineData("CREATE INDEX i ON t (lower(b))", "CREATE INDEX i ON t (upper(b))", false)]
    [InlineData("CREATE INDEX i ON t (lower(b))", "CREATE INDEX i ON t (b)", false)]
    [InlineData("CREATE INDEX i ON t (a, b || ', ')", "CREATE INDEX j ON t (a, b||', ')", true)]
    [InlineData("CREATE INDEX i ON t (a, b || 'k')", "CREATE INDEX j ON t (a, b || 'K')", false)]
    [InlineData("CREATE INDEX i ON t (b) WHERE a > 1", "CREATE INDEX i ON t (b) where A>1", true)]
    [InlineData("CREATE INDEX i ON t (b) WHERE a > 1", "CREATE INDEX i ON t (b) WHERE a IS NULL", false)]
    [InlineData("CREATE INDEX i ON t (b) WHERE a > 1", "CREATE INDEX i ON t (b)", false)]
    [InlineData("CREATE INDEX i ON t (b DESC)", "CREATE INDEX i ON t (b)", false)]
    [InlineData("CREATE INDEX i ON t (b COLLATE NOCASE)", "CREATE INDEX i ON t (b)", false)]
    [InlineData("CREATE INDEX i ON t (b, c)", "CREATE INDEX i ON t (c, b)", false)]
    [InlineData("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX i ON t (a)", false)]
    [InlineData("CREATE INDEX \"on\" ON t (a, b)", "CREATE INDEX [where] ON t (a, b)", true)]
    public void Indexes(string reference, string answer, bool isRight) => Check(reference, answer, isRight);

    [Theory]
    [InlineData("CREATE TABLE u (a INT UNIQUE)", "CREATE TABLE u (a INT, UNIQUE (a))", true)]
    [InlineData("CREATE TABLE u (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p (x, y))",
        "CREATE TABLE u (a INT, b INT, FOREIGN KEY (b, a) REFERENCES p (y, x))", true)]
    [InlineData("CREATE TABLE u (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p (x, y))",
        "CREATE TABLE u (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p (y, x))", false)]
    [InlineData("CREATE TABLE u (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p (x, y))",
        "CREATE TABLE u (a INT REFERENCES p (x), b INT REFERENCES p (y))", false)]
    [InlineData("CREATE TABLE u (a INT REFERENCES p)", "CREATE TABLE u (a INT, FOREIGN KEY (a) REFERENCES P (ID))", true)]
    [InlineData("CREATE TABLE u (a INT REFERENCES p)", "CREATE TABLE u (a INT REFERENCES p (x))", false)]
    [InlineData("CREATE TABLE u (a INT REFERENCES p ON DELETE CASCADE)", "CREATE TABLE u (a INT REFERENCES p)", false)]
    [InlineData("CREATE TABLE u (a TEXT DEFAULT 'k')", "CREATE TABLE u (a TEXT DEFAULT 'K')", false)]
    [InlineData("CREATE TABLE u (a TEXT DEFAULT current_date)", "CREATE TABLE u (A VARCHAR(9) DEFAULT CURRENT_DATE)", true)]
    [InlineData("CREATE TABLE u (\"a BLOB\" INT)", "CREATE TABLE u (a INT)", false)]
    public void Tables(string reference, string answer, bool isRight) => Check(reference, answer, isRight);

    [Theory]
    [InlineData("CREATE VIEW v AS SELECT nope FROM t", "CREATE VIEW v AS SELECT nix FROM nada", false)]
    [InlineData("CREATE VIEW v AS SELECT nope FROM t", "CREATE VIEW v AS select NOPE from T", true)]
    [InlineData("CREATE VIEW v AS SELECT a FROM t", "CREATE VIEW v AS SELECT nope FROM t", false)]
    [InlineData("CREATE VIEW v AS SELECT a FROM t WHERE a > 1", "CREATE VIEW v AS SELECT a FROM t WHERE b = 'y'", true)]
    [InlineData("CREATE TRIGGER z AFTER INSERT ON t BEGIN UPDATE t SET b = 'k'; END",
        "CREATE TRIGGER z AFTER INSERT ON t BEGIN UPDATE t SET b = 'K'; END", false)]
    [InlineData("CREATE TRIGGER z AFTER INSERT ON t BEGIN UPDATE t SET b = 'k'; END",
        "create trigger IF NOT EXISTS z after insert on \"t\" begin update t set b='k'; end", true)]
    public void ViewsAndTriggers(string reference, string answer, bool isRight) => Check(reference, answer, isRight);

    [Fact]
    public void AViewThatCannotBeRead_IsNamed() => Assert.Equal(
        "v cannot be read afterwards: no such column: nope",
        Score(Context, "CREATE VIEW v AS SELECT a FROM t", "CREATE VIEW v AS SELECT nope FROM t").Why);

    /// <summary>Views of the context may lose their table on purpose.</summary>
    [Fact]
    public void ViewsOfADroppedTable_AreThoseOfBoth() => Assert.Equal(
        SqlVerdict.Right, Score(Context + "CREATE VIEW v AS SELECT a FROM t;", "DROP TABLE t", "DROP TABLE IF EXISTS t").Verdict);

    /// <summary>An object of the schema temp would hide the table of the same name, which is not changed.</summary>
    [Theory]
    [InlineData("INSERT INTO t VALUES (3, 'z', 'm')", "CREATE TABLE temp.t AS SELECT * FROM main.t UNION ALL SELECT 3, 'z', 'm'")]
    [InlineData("INSERT INTO t VALUES (3, 'z', 'm')", "CREATE TABLE \"TEMP\".t AS SELECT * FROM main.t UNION ALL SELECT 3, 'z', 'm'")]
    [InlineData("INSERT INTO t VALUES (3, 'z', 'm')", "CREATE VIEW [Temp].t AS SELECT * FROM main.t UNION ALL SELECT 3, 'z', 'm'")]
    [InlineData("INSERT INTO t VALUES (3, 'z', 'm')", "CREATE VIEW 'temp'.t AS SELECT * FROM main.t UNION ALL SELECT 3, 'z', 'm'")]
    [InlineData("DELETE FROM t", "CREATE TABLE temp.t (a INT, b TEXT, c TEXT)")]
    [InlineData("DELETE FROM t", "CREATE TABLE IF NOT EXISTS /**/ `temp` . t (a INT, b TEXT, c TEXT)")]
    [InlineData("DELETE FROM t", "CREATE TEMPORARY TABLE t (a INT, b TEXT, c TEXT)")]
    [InlineData("DELETE FROM t", "CREATE TEMP VIEW t AS SELECT 1 AS a, 2 AS b, 3 AS c WHERE 0")]
    [InlineData("DELETE FROM t", "CREATE TRIGGER temp.z AFTER INSERT ON main.t BEGIN DELETE FROM t; END")]
    [InlineData("DELETE FROM t", "CREATE TEMP TRIGGER z AFTER INSERT ON t BEGIN DELETE FROM t; END")]
    [InlineData("DELETE FROM t", "INSERT INTO temp.sqlite_master VALUES ('table', 't', 't', 2, 'CREATE TABLE t (a)')")]
    public void TemporaryObjects_AreRefused(string reference, string answer)
    {
        var score = Score(Context, reference, answer);
        Assert.True(score.Verdict is SqlVerdict.Refused, $"{score.Verdict}: {score.Why}");
        Assert.False(score.IsRightByBird || score.IsRightByTestSuite);
        if (answer.StartsWith("CREATE", StringComparison.Ordinal)) Assert.Contains("temporary", score.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CREATE TABLE temp.u (a INT)")]
    [InlineData("CREATE TABLE t (a INT); CREATE TRIGGER temp.z AFTER INSERT ON main.t BEGIN DELETE FROM t; END")]
    public void TemporaryObjects_AreInNoContext(string context) =>
        Assert.Equal(SqlVerdict.FailedContext, Score(context, "SELECT 1", "SELECT 1").Verdict);

    [Theory]
    [InlineData("ALTER TABLE t RENAME TO u", "ALTER TABLE main.t RENAME TO u")]
    [InlineData("ALTER TABLE t RENAME COLUMN a TO d", "ALTER TABLE t RENAME a TO d")]
    [InlineData("ALTER TABLE t DROP COLUMN a", "ALTER TABLE t DROP a")]
    [InlineData("DROP TABLE p", "DROP TABLE main.p")]
    public void WhatSqliteAsksOfTheSchemaTemp_IsNoHarm(string reference, string answer) => Check(reference, answer, isRight: true);

    private static void Check(string reference, string answer, bool isRight)
    {
        var same = Score(Context, reference, reference);
        Assert.True(same.Verdict is SqlVerdict.Right, $"{same.Verdict}: {same.Why}");
        var score = Score(Context, reference, answer);
        Assert.True((isRight ? SqlVerdict.Right : SqlVerdict.Wrong) == score.Verdict, $"{score.Verdict}: {score.Why}");
    }

    private static SqlScore Score(string context, string reference, string answer) =>
        new SqlScorer().Score(new TextToSqlRow("", context, reference), answer, Token);
}
