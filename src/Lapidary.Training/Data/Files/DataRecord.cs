using System.Numerics;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>One record of a file of any kind, before its columns are given a meaning.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Columns">Values by column: null, string, bool, long, BigInteger (where 64 bits do not hold it), double, long[] (a list of
/// nothing but integers, not empty), object?[] (any other list), a dictionary (an object; in the order of the file), or
/// <see cref="Unreadable"/>. Parquet reads a column when it is first asked for.</param>
internal sealed record DataRecord(RowOrigin Origin, IReadOnlyDictionary<string, object?> Columns)
{
    private const int MaxNames = 40;

    /// <summary>Names a value's type in an error.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "null",
        string => "a string",
        bool => "a boolean",
        long => "an integer",
        BigInteger => "an integer of more than 64 bits",
        double => "a number",
        Unreadable broken => broken.What,
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

    /// <summary>"columns a, b (an object with c)".</summary>
    public string ColumnList() =>
        Columns.Count == 0 ? "no columns" : "columns " + Names(Columns.Select(column => column.Value switch
        {
            IReadOnlyDictionary<string, object?> { Count: > 0 } fields => $"{column.Key} (an object with {Names(fields.Keys)})",
            _ => column.Key,
        }));

    /// <summary>Names out of a file, for a message of one line.</summary>
    public static string Names(IEnumerable<string> names)
    {
        string[] first = [.. names.Take(MaxNames + 1).Select(FileErrors.OneLine)];
        return string.Join(", ", first.Take(MaxNames)) + (first.Length > MaxNames ? ", …" : "");
    }
}

/// <summary>Stands for a value that the file has and that cannot be shown as it is. It matters only where its column is used.</summary>
/// <param name="What">Follows "found" in an error: "type decimal, which …".</param>
internal sealed record Unreadable(string What)
{
    /// <inheritdoc/>
    public override string ToString() => What;
}
