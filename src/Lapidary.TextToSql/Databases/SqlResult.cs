using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql;

/// <summary>The rows of a result, or those at its start.</summary>
public sealed record SqlResult
{
    /// <summary>Names of the columns, as SQLite gives them.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>Rows in order: each cell is null, long, double, string or byte[]. At most the first few, see
    /// <see cref="RowCount"/>.</summary>
    public required IReadOnlyList<IReadOnlyList<object?>> Rows { get; init; }

    /// <summary>Number of rows of the whole result.</summary>
    public required int RowCount { get; init; }

    /// <summary>The columns' names and the first rows, as a table of plain text.</summary>
    public override string ToString() => ResultText.Of(this);
}
