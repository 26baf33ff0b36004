namespace Lapidary.TextToSql;

/// <summary>A table or view that questions may be about.</summary>
public sealed record AskedTable
{
    /// <summary>Its name, without quotes.</summary>
    public required string Name { get; init; }

    /// <summary>Its columns in order.</summary>
    public required IReadOnlyList<AskedColumn> Columns { get; init; }

    /// <summary>Whether it is a view.</summary>
    public bool IsView { get; init; }

    /// <summary>Its foreign keys.</summary>
    internal IReadOnlyList<AskedReference> References { get; init; } = [];

    /// <summary>Its name and those of its columns.</summary>
    internal (string Table, IEnumerable<string> Columns) Names => (Name, Columns.Select(column => column.Name));

    /// <summary>A few of its rows, which show a model what values look like; none of a view.</summary>
    internal IReadOnlyList<object?[]> Samples { get; init; } = [];
}

/// <summary>A column of a table.</summary>
/// <param name="Name">Its name, without quotes.</param>
/// <param name="Type">The type it was declared with; empty without one.</param>
/// <param name="KeyPart">Its place in the primary key, from 1; 0 where it is not part of it.</param>
public sealed record AskedColumn(string Name, string Type, int KeyPart = 0);

/// <summary>A foreign key.</summary>
/// <param name="Columns">Its columns.</param>
/// <param name="Table">The table that it refers to.</param>
/// <param name="Targets">The columns there; empty for the primary key.</param>
internal sealed record AskedReference(IReadOnlyList<string> Columns, string Table, IReadOnlyList<string> Targets);
