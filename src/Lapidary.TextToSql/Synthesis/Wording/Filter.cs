namespace Lapidary.TextToSql.Synthesis.Wording;

/// <summary>A condition on the rows of a table, in English and in SQL.</summary>
/// <param name="Post">After a plural noun: "from France", "that are in print".</param>
/// <param name="Clause">A verb phrase in the plural: "are from France", "are in print".</param>
/// <param name="Column">The column's name.</param>
/// <param name="Text">The condition in SQL, with {0} for the qualifier of the column.</param>
internal sealed record Filter(string Post, string Clause, string Column, string Text)
{
    /// <summary>The condition with a qualifier: "b." or nothing.</summary>
    public string Sql(string qualifier) => Text.Replace("{0}", qualifier, StringComparison.Ordinal);
}
