using System.Globalization;

namespace Lapidary.TextToSql.Data;

/// <summary>A table for the demonstration's questions.</summary>
/// <param name="Name">Plural, as in a question.</param>
/// <param name="Columns">The first one names a row; types are TEXT and INTEGER.</param>
/// <param name="Rows">The content: string or int by column.</param>
internal sealed record SqlTable(string Name, IReadOnlyList<SqlColumn> Columns, IReadOnlyList<IReadOnlyList<object>> Rows)
{
    /// <summary>The column that names a row.</summary>
    public SqlColumn Label => Columns[0];

    /// <summary>Text columns other than the label, whose values several rows may share.</summary>
    public IEnumerable<SqlColumn> Categories => Columns.Skip(1).Where(column => column.Type == "TEXT");

    /// <summary>Columns of numbers.</summary>
    public IEnumerable<SqlColumn> Numbers => Columns.Where(column => column.Type == "INTEGER");

    /// <summary>The statements that create and fill the table.</summary>
    public string Script =>
        $"CREATE TABLE {Name} ({string.Join(", ", Columns.Select(column => $"{column.Name} {column.Type}"))}); "
        + $"INSERT INTO {Name} VALUES {string.Join(", ", Rows.Select(row => $"({string.Join(", ", row.Select(Literal))})"))};";

    /// <summary>The distinct values of a column, in order.</summary>
    public IEnumerable<object> Values(SqlColumn column)
    {
        int index = Columns.ToList().IndexOf(column);
        return Rows.Select(row => row[index]).Distinct();
    }

    /// <summary>A value in SQL syntax.</summary>
    public static string Literal(object value) => value is string text
        ? $"'{text.Replace("'", "''", StringComparison.Ordinal)}'"
        : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}

/// <summary>A column.</summary>
/// <param name="Name">In SQL.</param>
/// <param name="Type">TEXT or INTEGER.</param>
internal sealed record SqlColumn(string Name, string Type)
{
    /// <summary>In a question.</summary>
    public string Words => Name.Replace('_', ' ');
}
