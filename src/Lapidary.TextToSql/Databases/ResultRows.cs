namespace Lapidary.TextToSql.Databases;

/// <summary>A result.</summary>
/// <param name="Columns">Names of the columns.</param>
/// <param name="Rows">Cells are null, long, double, string or byte[].</param>
/// <param name="IsCut">Whether there are more rows.</param>
internal sealed record ResultRows(string[] Columns, List<object?[]> Rows, bool IsCut = false)
{
    private const int ShownRows = 50;

    /// <summary>For a report: the rows at the start.</summary>
    public SqlResult Shown() => new() { Columns = Columns, Rows = [.. Rows.Take(ShownRows)], RowCount = Rows.Count };
}

/// <summary>What came of a statement: rows (none where it writes), or why there are none.</summary>
internal sealed record SqlOutcome(ResultRows? Result, SqlFailure? Failure);
