namespace Lapidary.TextToSql.Synthesis.Domains;

/// <summary>What a column holds, and so which questions can be asked about it.</summary>
internal enum ColumnKind
{
    /// <summary>An INTEGER that numbers the rows.</summary>
    Key,

    /// <summary>The key of a row of another table.</summary>
    Reference,

    /// <summary>A text that names a row.</summary>
    Label,

    /// <summary>A text of a few values that rows share.</summary>
    Category,

    /// <summary>Some words.</summary>
    Words,

    /// <summary>A whole number of countable things: pages.</summary>
    Count,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A large whole number, rounded: a budget.</summary>
    Large,

    /// <summary>A number with decimals.</summary>
    Real,

    /// <summary>A year.</summary>
    Year,

    /// <summary>A date as text: 2023-04-01.</summary>
    Date,

    /// <summary>Yes or no.</summary>
    Flag,
}

/// <summary>A domain: tables that belong together.</summary>
/// <param name="Name">"libraries".</param>
/// <param name="Description">One sentence.</param>
/// <param name="IsTest">Whether its rows are for testing.</param>
/// <param name="Tables">Parents before children.</param>
internal sealed record DomainSpec(string Name, string Description, bool IsTest, IReadOnlyList<TableSpec> Tables);

/// <summary>A table that a schema may have.</summary>
/// <param name="Id">In snake case: "leave_request".</param>
/// <param name="Singular">"leave request".</param>
/// <param name="Plural">"leave requests".</param>
/// <param name="IsPerson">Whether a row is "who" and not "that".</param>
/// <param name="SqlName">The table's name in SQL, singular and in snake case.</param>
/// <param name="Parents">The tables that its rows refer to.</param>
/// <param name="Columns">Its columns, without keys.</param>
internal sealed record TableSpec(
    string Id, string Singular, string Plural, bool IsPerson, string SqlName, IReadOnlyList<ParentSpec> Parents,
    IReadOnlyList<ColumnSpec> Columns);

/// <summary>A foreign key.</summary>
/// <param name="Table">Id of the parent.</param>
/// <param name="Phrase">The words between child and parent: "written by".</param>
internal sealed record ParentSpec(string Table, string Phrase);

/// <summary>A column that a table may have.</summary>
/// <param name="Names">Its name, and others that stand for it in some schemas.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Noun">In questions; null for the chosen name. Of countable things the singular.</param>
/// <param name="NounPlural">Its plural; null where it follows the rule.</param>
/// <param name="Pool">The name of a list of words, or empty.</param>
/// <param name="Values">Its values, or the pattern of a code.</param>
/// <param name="Low">The lowest number, or year of a date.</param>
/// <param name="High">The highest.</param>
/// <param name="Decimals">Of a real number.</param>
/// <param name="Unit">Of a number: "dollars"; or empty.</param>
/// <param name="Clause">A verb phrase with % for the value: "live in %"; of a flag without one; or null.</param>
/// <param name="NotClause">Of a flag: the negation.</param>
/// <param name="NullClause">"have no memo"; null if the column is never NULL.</param>
/// <param name="NotNullClause">"have a memo".</param>
internal sealed record ColumnSpec(
    IReadOnlyList<string> Names, ColumnKind Kind, string? Noun, string? NounPlural, string Pool, IReadOnlyList<string> Values, double Low,
    double High, int Decimals, string Unit, string? Clause, string? NotClause, string? NullClause, string? NotNullClause);
