using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Scoring;

/// <summary>Runs a reference that writes, and an answer, each on the same database, and compares what it holds afterwards.</summary>
/// <param name="database">The database.</param>
/// <param name="reference">The reference.</param>
/// <param name="answer">The answer.</param>
/// <param name="enter">Puts the database into the state before; called for each of the two.</param>
/// <param name="leave">Undoes all changes.</param>
internal sealed class ChangeAgreement(GuardedDatabase database, string reference, string answer, Action enter, Action leave)
{
    /// <summary>Compares the two. All three definitions are the same here.</summary>
    public Agreement On()
    {
        var (before, after, failure) = Run(reference);
        if (failure is not null) throw new ReferenceFailure(failure);
        var (_, found, wrong) = Run(answer);
        bool isEmpty = before.Difference(after!, out _, out _) is null;
        if (wrong is not null) return new Agreement(wrong.Message, wrong, false, false, isEmpty, null, null);
        string? difference = after!.Difference(found!, out var expectedRows, out var foundRows);
        return new Agreement(difference, null, difference is null, difference is null, isEmpty, expectedRows, foundRows);
    }

    private (DatabaseState Before, DatabaseState? After, SqlFailure? Failure) Run(string sql)
    {
        enter();
        try
        {
            var before = DatabaseState.Of(database);
            var outcome = database.Run(sql, GuardMode.Write);
            var failure = before.Failure ?? outcome.Failure;
            var after = failure is null ? After(out failure) : null;
            failure ??= after!.Failure;
            return failure is { Kind: SqlFailureKind.OutOfMemory } ? throw new MemoryShortage() : (before, after, failure);
        }
        finally
        {
            leave();
        }
    }

    /// <summary>The state after a statement, which may have made of the database what cannot be read.</summary>
    private DatabaseState? After(out SqlFailure? failure)
    {
        try
        {
            failure = null;
            return DatabaseState.Of(database);
        }
        catch (DatabaseFailure problem)
        {
            failure = problem.Failure;
            return null;
        }
    }
}
