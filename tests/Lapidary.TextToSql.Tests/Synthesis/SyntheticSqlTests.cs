using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Synthesis.Domains;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Lapidary.TextToSql.Tests.Synthesis;

public sealed partial class SyntheticSqlTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static SyntheticSqlOptions Seeded(long seed) => new() { Seed = seed };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Rows_HaveAnAnswer_AndFiltersSelectSome(long seed)
    {
        Parallel.ForEach(SyntheticSql.Draw(700, Seeded(seed), Stop), new ParallelOptions { CancellationToken = Stop }, row =>
        {
            using var database = new GuardedDatabase(new GuardLimits());
            Assert.Null(database.Build(row.Row.SqlContext));
            string tables = Tables(database);
            var outcome = database.Run(row.Row.Sql, GuardMode.Write);
            Assert.True(outcome.Failure is null, $"{row.Row.Sql}: {outcome.Failure?.Message}");
            if (row.TaskType == "data manipulation")
            {
                Assert.NotEqual(tables, Tables(database));
                return;
            }

            Assert.Equal(tables, Tables(database));
            Assert.NotEmpty(outcome.Result!.Rows);
            if (!row.Shape.StartsWith("filter", StringComparison.Ordinal)) return;
            string all = row.Row.Sql[..row.Row.Sql.IndexOf(" WHERE ", StringComparison.Ordinal)];
            Assert.True(
                outcome.Result.Rows.Count < database.Run(all, GuardMode.Read).Result!.Rows.Count, $"All rows are selected: {row.Row.Sql}");
        });
    }

    [Fact]
    public void Rows_HaveAllShapesAndDomains_AndNoneTwice()
    {
        var rows = SyntheticSql.Draw(6000, Seeded(42), Stop).ToList();
        Assert.Equal(ShapeTable.All.Select(shape => shape.Name).Order(), rows.Select(row => row.Shape).Distinct().Order());
        Assert.Equal(SyntheticSql.Domains.Order(), rows.Select(row => row.Row.Domain!).Distinct().Order());
        Assert.Equal(SyntheticSql.Complexities.Order(), rows.Select(row => row.Row.Complexity!).Distinct().Order());
        Assert.Equal(rows.Count, rows.Select(row => (row.Row.SqlPrompt, Declarations(row.Row.SqlContext))).Distinct().Count());

        // A schema, word for word, is that of few rows.
        Assert.True(rows.Select(row => Declarations(row.Row.SqlContext)).Distinct().Count() > 5000);
    }

    /// <summary>The rows are part of what others compare with: they change only where somebody means to.</summary>
    [Fact]
    public void Rows_AreThoseOfTheGolden()
    {
        var text = new StringBuilder();
        foreach (var row in SyntheticSql.Rows(300, Seeded(7), Stop)) text.Append($"{row.SqlPrompt}\n{row.SqlContext}\n{row.Sql}\n");
        Assert.Equal(
            "d1008be45240f5c7",
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16]);
    }

    [Fact]
    public void TheFirstOfManyRows_AreThoseOfFew() =>
        Assert.Equal(SyntheticSql.Rows(100, Seeded(5), Stop), SyntheticSql.Rows(1000, Seeded(5), Stop).Take(100));

    [Fact]
    public void TrainAndTest_ShareNoTableAndNoColumns()
    {
        var (train, test) = (Of(SyntheticSplit.Train), Of(SyntheticSplit.Test));
        Assert.Empty(train.Domains.Intersect(test.Domains));
        Assert.Empty(train.Tables.Keys.Intersect(test.Tables.Keys, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(train.Tables.Values.SelectMany(x => x).Intersect(test.Tables.Values.SelectMany(x => x)));
        Assert.Empty(DomainFile.All.Where(domain => domain.IsTest).SelectMany(domain => domain.Tables).Select(table => table.Plural)
            .Intersect(DomainFile.All.Where(domain => !domain.IsTest).SelectMany(domain => domain.Tables).Select(table => table.Plural)));

        static (HashSet<string> Domains, Dictionary<string, HashSet<string>> Tables) Of(SyntheticSplit split)
        {
            var rows = SyntheticSql.Rows(1500, new SyntheticSqlOptions { Split = split }, Stop).ToList();
            var tables = rows.SelectMany(row => CreateTable().Matches(row.SqlContext))
                .GroupBy(match => match.Groups[1].Value)
                .ToDictionary(group => group.Key, group => group.Select(match => ColumnSet(match.Groups[2].Value)).ToHashSet());
            return ([.. rows.Select(row => row.Domain!)], tables);
        }
    }

    [Fact]
    public void Options_ChooseDomainsAndComplexities()
    {
        var rows = SyntheticSql.Rows(
            60, new SyntheticSqlOptions { Domains = ["banking", "hotels"], ExcludedDomains = ["hotels"], Complexities = ["CTEs"] }, Stop);
        Assert.All(rows, row => Assert.Equal(("banking", "CTEs"), (row.Domain, row.Complexity)));
        Assert.All(rows, row => Assert.StartsWith("WITH ", row.Sql, StringComparison.Ordinal));
        Assert.Contains("did you mean banking?", Error(new() { Domains = ["bankin"] }), StringComparison.Ordinal);
        Assert.Contains("single join", Error(new() { Complexities = ["nothing like it"] }), StringComparison.Ordinal);
        Assert.Contains("none", Error(new() { Domains = ["banking"], ExcludedDomains = ["banking"] }), StringComparison.Ordinal);

        static string Error(SyntheticSqlOptions options) =>
            Assert.Throws<LapidaryException>(() => SyntheticSql.Rows(1, options, Stop).ToList()).Message;
    }

    [Fact]
    public void Domains_AreMany_WithTablesOfOneMeaningEach()
    {
        Assert.True(DomainFile.All.Count >= 40);
        Assert.True(DomainFile.All.Count(domain => domain.IsTest) >= 8);
        Assert.All(DomainFile.All, domain =>
        {
            Assert.InRange(domain.Tables.Count, 3, 4);
            Assert.All(domain.Tables, table =>
            {
                Assert.All(table.Parents, parent => Assert.Contains(domain.Tables, other => other.Id == parent.Table));
                string[] nouns = [.. table.Columns.Select(column => column.Noun ?? column.Names[0])];
                Assert.Equal(nouns.Length, nouns.Distinct().Count());
                Assert.Equal(table.Columns.Count, table.Columns.Select(column => column.Names[0]).Distinct().Count());
            });
        });
        Assert.Empty(Names(isTest: true).Intersect(Names(isTest: false)));

        static IEnumerable<string> Names(bool isTest) => DomainFile.All.Where(domain => domain.IsTest == isTest)
            .SelectMany(domain => domain.Tables).SelectMany(table => table.Columns).SelectMany(column => column.Names);
    }

    private static string Tables(GuardedDatabase database)
    {
        var names = database.Run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", GuardMode.Read).Result!.Rows;
        return string.Join('\n', names.SelectMany(name => database.Run($"SELECT * FROM {name[0]}", GuardMode.Read).Result!.Rows)
            .Select(row => string.Join('|', row)));
    }

    private static string Declarations(string context) => context[..context.IndexOf("INSERT INTO", StringComparison.Ordinal)];

    private static string ColumnSet(string columns) => string.Join(',', ColumnName().Matches(columns)
        .Select(match => match.Groups[1].Value.ToLowerInvariant()).Where(name => name != "foreign").Order());

    [GeneratedRegex(@"CREATE TABLE (\w+) \((.*?)\);")]
    private static partial Regex CreateTable();

    [GeneratedRegex(@"(?:^|, )(\w+) [A-Z(]")]
    private static partial Regex ColumnName();
}
