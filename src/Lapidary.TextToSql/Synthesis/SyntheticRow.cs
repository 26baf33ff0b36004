namespace Lapidary.TextToSql.Synthesis;

/// <summary>A generated row with what is known of it.</summary>
/// <param name="Row">Its question, context and query.</param>
/// <param name="DomainDescription">A sentence about the domain.</param>
/// <param name="TaskType">As in the guide's data set: "data retrieval", "analytics and reporting" or "data manipulation".</param>
/// <param name="Shape">The kind of question: "group_count".</param>
internal sealed record SyntheticRow(TextToSqlRow Row, string DomainDescription, string TaskType, string Shape)
{
    /// <summary>The question and the tables' declarations: no two rows have the same.</summary>
    public required UInt128 Identity { get; init; }

    /// <summary>The attempt that gave it.</summary>
    public required int Attempt { get; init; }
}
