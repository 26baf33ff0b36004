namespace Lapidary.TextToSql.Synthesis.Shapes;

/// <summary>A question, the query that answers it, and what must hold of the query's answer on the tables, so that no other query is
/// right by chance.</summary>
/// <param name="Text">The question.</param>
/// <param name="Sql">The query, without a semicolon.</param>
internal sealed record Question(string Text, string Sql)
{
    /// <summary>Simpler queries that would be wrong: their answers must differ from the query's.</summary>
    public IReadOnlyList<string> Wrong { get; init; } = [];

    /// <summary>Queries of one column: its values must differ from each other, and none is NULL. The keys of an order.</summary>
    public IReadOnlyList<string> Unique { get; init; } = [];

    /// <summary>Queries of one column: it must have at least two different values.</summary>
    public IReadOnlyList<string> Varied { get; init; } = [];

    /// <summary>Whether the statement changes rows.</summary>
    public bool Writes { get; init; }
}

/// <summary>A kind of question.</summary>
/// <param name="Name">In snake case: "group_having".</param>
/// <param name="Complexity">As in the guide's data set: "single join".</param>
/// <param name="Tables">Number of related tables that it needs.</param>
/// <param name="Ask">Makes a question about a schema; null if the schema lacks something.</param>
internal sealed record Shape(string Name, string Complexity, int Tables, Func<Scene, Question?> Ask);
