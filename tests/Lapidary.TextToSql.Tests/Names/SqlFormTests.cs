using System.Text;
using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Names;
using Lapidary.TextToSql.Queries;
using Lapidary.TextToSql.Tests.Asking;

namespace Lapidary.TextToSql.Tests.Names;

/// <summary>Queries held to the names of a schema. SQLite says which of them run.</summary>
public sealed class SqlFormTests
{
    private const string Shop = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT, \"date of birth\" TEXT); "
        + "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT, total REAL, ordered_on DATE); "
        + "CREATE TABLE \"order lines\" (order_id INT, article TEXT, größe INT, \"select\" INT); "
        + "CREATE VIEW big_orders AS SELECT id, total FROM orders WHERE total > 100;";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public void ReferencesOfGeneratedRows_HaveTheForm(long seed) =>
        Check([.. SyntheticSql.Draw(600, new() { Seed = seed }, Stop).Select(row => row.Row)]);

    [Fact]
    public void ReferencesOfTheSmallDataSet_HaveTheForm() => Check(TextToSqlData.Rows());

    [Theory]
    [InlineData("SELECT * FROM customers")]
    [InlineData("select NAME, Customers.City from CUSTOMERS where city = 'Rome' or name like 'A%' order by name desc limit 3;")]
    [InlineData("SELECT c.name, SUM(o.total) AS t FROM customers c JOIN orders AS o ON o.customer_id = c.id GROUP BY c.id HAVING t > 1")]
    [InlineData("SELECT cust.name FROM customers cust LEFT JOIN orders USING (id) WHERE orders.id IS NULL")]
    [InlineData("SELECT name, (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id) n FROM customers AS c")]
    [InlineData("SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM orders GROUP BY customer_id) AS counts")]
    [InlineData("WITH spent(who, amount) AS (SELECT customer_id, SUM(total) FROM orders GROUP BY 1), top AS MATERIALIZED (SELECT * FROM "
        + "spent) SELECT c.name, top.amount FROM top JOIN customers c ON c.id = top.who")]
    [InlineData("WITH RECURSIVE days(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM days WHERE n < 5) SELECT n FROM days")]
    [InlineData("SELECT id, RANK() OVER (PARTITION BY customer_id ORDER BY total DESC) AS place FROM orders ORDER BY place")]
    [InlineData("SELECT SUM(total) OVER w, COUNT(*) FILTER (WHERE total > 1) OVER w FROM orders WINDOW w AS (ORDER BY id ROWS BETWEEN "
        + "UNBOUNDED PRECEDING AND CURRENT ROW)")]
    [InlineData("SELECT id FROM customers EXCEPT SELECT customer_id FROM orders ORDER BY id")]
    [InlineData("SELECT CASE WHEN total >= 1.5e2 THEN 'it''s big' ELSE CAST(total AS DECIMAL(10, 2)) END FROM orders WHERE NOT total = -1")]
    [InlineData("SELECT \"date of birth\", [name], `city` FROM customers WHERE customers.\"date of birth\" IS NOT NULL")]
    [InlineData("SELECT größe, \"select\" FROM \"order lines\" WHERE article BETWEEN 'a' AND 'b' AND größe NOT IN (1, 2)")]
    [InlineData("SELECT a.total FROM orders a, orders b WHERE a.id <> b.id AND a.total IS DISTINCT FROM b.total")]
    [InlineData("SELECT b.total FROM big_orders b CROSS JOIN (customers JOIN orders ON customers.id = orders.customer_id)")]
    [InlineData("SELECT group_concat(DISTINCT city), rowid FROM customers GROUP BY city COLLATE NOCASE ORDER BY 1 NULLS LAST")]
    [InlineData("SELECT 1 WHERE EXISTS (SELECT 1 FROM orders) OR date('now') > CURRENT_DATE")]
    [InlineData("SELECT total || ' €' FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE orders.total > .5)")]
    public void QueriesOfAllForms_AreAllowed(string sql)
    {
        using var database = Database(Shop);
        Assert.Null(database.Run(sql, GuardMode.Read).Failure);
        Assert.Equal(sql, Allowed(sql, Form(database)));
        string[] fenced = [$"```sql\n{sql.TrimEnd(';')}\n```", $"```\n{sql.TrimEnd(';')};\n```\n", $"  \n{sql}\n"];
        foreach (string text in fenced)
        {
            Assert.Equal(text, Allowed(text, Form(database)));
            Assert.Equal(sql.TrimEnd(';'), AnswerText.Sql(text).TrimEnd(';'));
        }
    }

    /// <summary>A name is refused at the letter that no name has there; up to four letters may be an alias that comes later.</summary>
    [Theory]
    [InlineData("SELECT nmae", "s FROM customers")]
    [InlineData("SELECT name FROM customer", " WHERE 1")]
    [InlineData("SELECT name FROM customers WHERE or", "dered_on > 5")]
    [InlineData("SELECT customers.", "total FROM customers")]
    [InlineData("SELECT c.name FROM customers c WHERE c.", "total > 5")]
    [InlineData("SELECT c.name FROM customers c WHERE o", ".total > 5")]
    [InlineData("SELECT name FROM customers JOIN customers O", "N id = 1")]
    [InlineData("SELECT name FROM customers ORDER BY name LIMIT 2 F", "ROM customers")]
    [InlineData("SELECT strftime('%m', name F", "ROM customers")]
    [InlineData("SELECT name FROM customers", ") AS x FROM customers")]
    [InlineData("SELECT nosu", "chfunction(name) FROM customers")]
    [InlineData("SELECT total FROM orders WHERE total > 1.2", ".3")]
    [InlineData("SELECT id FROM orders WHERE \"customer_id", "s\" = 1")]
    [InlineData("", "DELETE FROM orders")]
    public void WhatSqliteRefuses_IsRefusedAtItsLetter(string allowed, string refused)
    {
        using var folder = new DataFolder();
        using var data = AskedData.Open([folder.Database("shop.db", Shop)], cancellationToken: Stop);
        string sql = allowed + refused;
        Assert.Throws<LapidaryException>(() => data.Query(sql, cancellationToken: Stop));
        var form = new SqlForm(new SchemaNames([.. data.Tables.Select(table => table.Names)]));
        Assert.Equal(allowed, Allowed(sql, form));
        Assert.False(form.Has(sql, isCut: true));
    }

    /// <summary>Where answers are scored, SQLite takes such texts and statements.</summary>
    [Theory]
    [InlineData("SELECT name FROM customers WHERE city = \"New York\" AND name <> 'Ann'")]
    [InlineData("UPDATE customers SET city = 'Rome' WHERE id = 1; -- and no other")]
    [InlineData("insert into orders (id, total) values (9, x'00')")]
    public void AScoredAnswer_MayBeAnotherStatement(string sql)
    {
        using var database = Database(Shop);
        Assert.Null(database.Run(sql, GuardMode.Write).Failure);
        Assert.True(SqlForm.OfAnswers(Shop)!.Has(sql, isCut: false));
        Assert.False(Form(database).Has(sql, isCut: false));
        Assert.False(SqlForm.OfAnswers(Shop)!.Has("SELECT nmaes FROM customers", isCut: false));
        Assert.Null(SqlForm.OfAnswers("CREATE TABL"));
    }

    [Fact]
    public void AnUnfinishedText_IsOneOnlyIfItIsCut()
    {
        using var database = Database(Shop);
        const string sql = "SELECT name FROM customers WHERE id IN (SELECT customer_id";
        Assert.True(Form(database).Has(sql, isCut: true));
        Assert.False(Form(database).Has(sql, isCut: false));
    }

    /// <summary>A model takes one of the allowed tokens, whatever it would rather say; so one must be left.</summary>
    [Fact]
    public void SomethingIsAlwaysAllowed()
    {
        using var database = Database(Shop);
        var random = new Random(1);
        byte[] letters = [.. Enumerable.Range(0, 256).Select(letter => (byte)letter)];
        int ended = 0;
        for (int text = 0; text < 100; text++)
        {
            SqlForm form = Form(database);
            var written = new StringBuilder();
            for (int i = 0; i < 150; i++)
            {
                var next = letters.Where(letter => form.After(letter) is not null).ToArray();
                if (next.Length == 0) Assert.True(form.MayEnd, written.ToString());
                if (next.Length == 0) break;

                // Texts and blanks end what else would be one long name.
                byte chosen = Array.Find("' "u8.ToArray(), letter => next.Contains(letter) && random.Next(4) == 0);
                if (chosen == 0) chosen = next[random.Next(next.Length)];
                form = form.After(chosen)!;
                written.Append((char)chosen);
                ended += form.MayEnd ? 1 : 0;
            }
        }

        Assert.True(ended > 0);
    }

    /// <summary>Each reference that is a query has the form.</summary>
    private static void Check(IReadOnlyList<TextToSqlRow> rows)
    {
        int queries = 0;
        Parallel.ForEach(rows, new ParallelOptions { CancellationToken = Stop }, row =>
        {
            using var database = Database(row.SqlContext);
            if (!database.IsReading(row.Sql, out _)) return;
            Interlocked.Increment(ref queries);
            Assert.Equal(row.Sql, Allowed(row.Sql, Form(database)));
            Assert.True(Form(database).Has(row.Sql, isCut: false), row.Sql);
        });
        Assert.True(queries > rows.Count * 3 / 4, $"{queries} of {rows.Count} are queries.");
    }

    private static GuardedDatabase Database(string script)
    {
        var database = new GuardedDatabase(new GuardLimits());
        Assert.Null(database.Build(script));
        return database;
    }

    private static SqlForm Form(GuardedDatabase database) => new(SchemaNames.Of(database));

    /// <summary>The beginning of a text that a form allows.</summary>
    private static string Allowed(string text, SqlForm? form)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = 0;
        while (length < bytes.Length && form!.After(bytes[length]) is { } rest) (form, length) = (rest, length + 1);
        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
