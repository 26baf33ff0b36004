using Lapidary.TextToSql.Synthesis.Domains;

namespace Lapidary.TextToSql.Synthesis.Schemas;

/// <summary>A table of one row of the data set, with its content.</summary>
/// <param name="Spec">What it was drawn from.</param>
/// <param name="Name">In SQL.</param>
/// <param name="Columns">The key comes first, then references, then the others.</param>
/// <param name="Rows">Values by column: long, decimal, string, bool or null.</param>
internal sealed record DrawnTable(TableSpec Spec, string Name, IReadOnlyList<DrawnColumn> Columns, IReadOnlyList<object?[]> Rows)
{
    public string Singular => Spec.Singular;

    public string Plural => Spec.Plural;

    /// <summary>"who" or "that".</summary>
    public string Who => Spec.IsPerson ? "who" : "that";

    /// <summary>"them" or "it".</summary>
    public string Pronoun => Spec.IsPerson ? "them" : "it";

    /// <summary>Before what belongs to one of the rows.</summary>
    public string Possessive => Spec.IsPerson ? "their" : "its";

    public DrawnColumn Key => Columns[0];

    /// <summary>The column that names a row: its label, or its key.</summary>
    public DrawnColumn Label { get; } = Columns.FirstOrDefault(column => column.Kind == ColumnKind.Label) ?? Columns[0];

    /// <summary>The foreign keys.</summary>
    public IEnumerable<DrawnColumn> References => Columns.Where(column => column.Kind == ColumnKind.Reference);

    /// <summary>Columns besides keys and the label.</summary>
    public IEnumerable<DrawnColumn> Others =>
        Columns.Where(column => column.Kind is not (ColumnKind.Key or ColumnKind.Reference or ColumnKind.Label));

    /// <summary>Columns of numbers that are never NULL, without years.</summary>
    public IEnumerable<DrawnColumn> Numbers => Others.Where(column => column is { IsNumber: true, IsNullable: false });

    /// <summary>Columns that rows can be sorted by.</summary>
    public IEnumerable<DrawnColumn> Sortable => Others.Where(
        column => !column.IsNullable && (column.IsNumber || column.Kind is ColumnKind.Year or ColumnKind.Date));

    /// <summary>Columns that rows can be grouped by.</summary>
    public IEnumerable<DrawnColumn> Categories => Others.Where(column => column is { Kind: ColumnKind.Category, IsNullable: false });

    /// <summary>The values of a column that are not NULL.</summary>
    public IEnumerable<object> Values(DrawnColumn column) => Rows.Select(row => row[column.Index]).OfType<object>();
}

/// <summary>A column of such a table.</summary>
/// <param name="Spec">What it was drawn from; null for keys.</param>
/// <param name="Name">In SQL.</param>
/// <param name="Index">Its place in the table.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Type">In SQL.</param>
/// <param name="Noun">In a question: "price", "number of pages".</param>
internal sealed record DrawnColumn(ColumnSpec? Spec, string Name, int Index, ColumnKind Kind, string Type, string Noun)
{
    /// <summary>Of a foreign key: the table that it refers to.</summary>
    public DrawnTable? Parent { get; init; }

    /// <summary>Of a foreign key: the words between child and parent.</summary>
    public string Phrase { get; init; } = "";

    public bool IsNullable => Spec?.NullClause is not null;

    public bool IsNumber => Kind is ColumnKind.Count or ColumnKind.Integer or ColumnKind.Large or ColumnKind.Real;

    /// <summary>Whether a sum of its values means something: money, things, not degrees.</summary>
    public bool IsAdditive => Kind is ColumnKind.Count or ColumnKind.Large || Spec?.Unit is "dollars" or "kg" or "tons" or "minutes";

    /// <summary>Countable things: "pages"; of other columns the noun.</summary>
    public string Things => Kind == ColumnKind.Count ? Spec!.NounPlural ?? Noun : Noun;

    /// <summary>" dollars", or nothing.</summary>
    public string Unit => Spec?.Unit is { Length: > 0 } unit ? $" {unit}" : "";
}
