using Lapidary.TextToSql.Comparing;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Scoring;

/// <summary>Runs a reference that reads, and an answer, on a database.</summary>
internal sealed class QueryAgreement
{
    private readonly GuardedDatabase _database;
    private readonly string _reference;
    private readonly string _answer;
    private readonly OuterOrder? _order;
    private readonly string _suiteReference;
    private readonly string _suiteAnswer;
    private readonly bool _suiteOrder;

    /// <summary>For one row.</summary>
    public QueryAgreement(GuardedDatabase database, string reference, string answer)
    {
        (_database, _reference, _answer) = (database, reference, answer);
        _order = OuterOrder.Of(reference);
        (_suiteReference, _suiteAnswer) = (TestSuiteForm.Of(reference), TestSuiteForm.Of(answer));
        _suiteOrder = TestSuiteForm.OrderMatters(_suiteReference);
    }

    /// <summary>Compares the results on the database as it is now.</summary>
    public Agreement On()
    {
        var reference = Run(_reference);
        var expected = reference.Result ?? throw new ReferenceFailure(reference.Failure!);
        var found = Run(_answer);
        string? ours = found.Failure?.Message ?? (_order is null
            ? ResultComparison.Bag(expected, found.Result!)
            : ResultComparison.Ordered(expected, found.Result!, () => Ties(expected)));
        bool bird = found.Result is { } rows && PublishedDefinitions.Bird(expected, rows);
        return new Agreement(ours, found.Failure, Suite(expected, found.Result), bird, expected.Rows.Count == 0, expected, found.Result);
    }

    /// <summary>The test suite runs both queries without DISTINCT. A reference that does not run so is taken as it is.</summary>
    private bool Suite(ResultRows expected, ResultRows? found)
    {
        var (wanted, given) = (expected, found);
        if (_suiteReference != _reference) wanted = Run(_suiteReference).Result ?? expected;
        if (_suiteAnswer != _answer) given = Run(_suiteAnswer).Result;
        return given is not null && PublishedDefinitions.TestSuite(wanted, given, _suiteOrder);
    }

    private TiedRows? Ties(ResultRows expected)
    {
        if (_order!.WithKeys(expected.Columns) is not { } keyed || Run(keyed.Sql).Result is not { } all) return null;
        if (all.Columns.Length <= keyed.Keys.Max(key => key.Column)) return null;
        string[] collations = _database.Collations(keyed.Sql);
        var keys = keyed.Keys.Select(key => new TiedKey(key.Column, key.Collation ?? collations[key.Column])).ToArray();
        return new TiedRows(all.Rows, keys, expected.Columns.Length, _order.Offset);
    }

    private SqlOutcome Run(string sql)
    {
        var outcome = _database.Run(sql, GuardMode.Read);
        return outcome.Failure is { Kind: SqlFailureKind.OutOfMemory } ? throw new MemoryShortage() : outcome;
    }
}
