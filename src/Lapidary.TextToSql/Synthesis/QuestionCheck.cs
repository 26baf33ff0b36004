using System.Globalization;
using System.Text;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Synthesis.Schemas;
using Lapidary.TextToSql.Synthesis.Shapes;

namespace Lapidary.TextToSql.Synthesis;

/// <summary>Runs a question's query on its tables, under the guard, and decides whether the answer says that the query is right.</summary>
internal sealed class QuestionCheck : IDisposable
{
    private static readonly GuardLimits Limits = new() { MaxRows = 1000 };

    private readonly GuardedDatabase _database = new(Limits);
    private readonly Schema _schema;

    public QuestionCheck(Schema schema)
    {
        _schema = schema;
        if (_database.Build(schema.Script) is { } failure)
            throw new InvalidOperationException($"A generated context fails: {failure.Message} {schema.Script}");
    }

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();

    /// <summary>Whether the answer is not empty, and differs from those of the wrong queries.</summary>
    public bool Holds(Question question)
    {
        if (question.Writes) return HoldsForWrite(question);
        var rows = Rows(question.Sql);
        if (rows.Count == 0 || rows.All(row => row.All(value => value is null))) return false;
        string answer = Text(rows);
        return question.Wrong.All(wrong => Text(Rows(wrong)) != answer)
            && question.Unique.All(query => Rows(query) is var keys && keys.All(row => row[0] is not null) && Distinct(keys) == keys.Count)
            && question.Varied.All(query => Distinct(Rows(query)) > 1);
    }

    /// <summary>Whether a statement changes the tables, and otherwise than the wrong statements.</summary>
    private bool HoldsForWrite(Question question)
    {
        string before = State();
        string after = After(question.Sql);
        return after != before && question.Wrong.All(wrong => After(wrong) != after);
    }

    private string After(string sql)
    {
        _database.BeginChanges();
        try
        {
            Require(_database.Run(sql, GuardMode.Write), sql);
            return State();
        }
        finally
        {
            _database.UndoChanges();
        }
    }

    private string State() => string.Join('\u0001', _schema.Tables.Select(table => Text(Rows($"SELECT * FROM {table.Name}"))));

    private List<object?[]> Rows(string sql) => Require(_database.Run(sql, GuardMode.Read), sql).Rows;

    private ResultRows Require(SqlOutcome outcome, string sql) => outcome.Result
        ?? throw new InvalidOperationException($"A generated query fails: {outcome.Failure?.Message} {sql} {_schema.Script}");

    private static int Distinct(List<object?[]> rows) => rows.Select(row => Text(row[0])).Distinct().Count();

    private static string Text(List<object?[]> rows)
    {
        var text = new StringBuilder();
        foreach (object?[] row in rows)
        {
            foreach (object? value in row) text.Append(Text(value)).Append('\u0002');
            text.Append('\u0003');
        }

        return text.ToString();
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
