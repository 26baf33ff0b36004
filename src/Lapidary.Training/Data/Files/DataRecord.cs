namespace Lapidary.Training.Data.Files;

/// <summary>One record of a file of any kind, before its columns are given a meaning.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Columns">Values by column: null, string, bool, long, double, long[] (a list of nothing but integers, not empty),
/// object?[] (any other list) or a dictionary (an object).</param>
internal sealed record DataRecord(RowOrigin Origin, IReadOnlyDictionary<string, object?> Columns)
{
    /// <summary>Names a value's type in an error.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "null",
        string => "a string",
        bool => "a boolean",
        long => "an integer",
        double => "a number",
        long[] => "a list of integers",
        object?[] { Length: 0 } => "an empty list",
        object?[] => "a list",
        _ => "an object",
    };

    /// <summary>The column, or an error that lists the columns there are.</summary>
    public object? Column(string name) => Columns.TryGetValue(name, out object? value)
        ? value
        : throw Origin.Error($"expected a column \"{name}\", found {ColumnList()}.");

    /// <summary>The column as a string, or an error that says what it holds.</summary>
    public string Text(string name) => Column(name) as string
        ?? throw Origin.Error($"expected a string in \"{name}\", found {Describe(Columns[name])}.");

    /// <summary>"columns a, b".</summary>
    public string ColumnList() => Columns.Count == 0 ? "no columns" : "columns " + string.Join(", ", Columns.Keys);
}
