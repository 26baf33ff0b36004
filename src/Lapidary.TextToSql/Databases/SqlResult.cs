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

    /// <summary>Whether the result has more rows than were read; then <see cref="RowCount"/> counts those that were.</summary>
    public bool IsCut { get; init; }

    /// <summary>All rows of a result that were read.</summary>
    internal static SqlResult Of(ResultRows result) =>
        new() { Columns = result.Columns, Rows = result.Rows, RowCount = result.Rows.Count, IsCut = result.IsCut };

    /// <summary>The columns' names and the first rows, as a table of plain text.</summary>
    public override string ToString() => ResultText.Of(this);
}
