using System.Numerics;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>A record of a file of any format, before its columns get a meaning.</summary>
/// <param name="Origin">The place of the record.</param>
/// <param name="Columns">Values by column: null, string, bool, long, BigInteger (for integers beyond 64 bits), double, long[] (a non-empty
/// list of only integers), object?[] (any other list), a dictionary (an object; in the order of the file), or <see cref="Unreadable"/>.
/// Parquet reads a column when it is first requested.</param>
internal sealed record DataRecord(RowOrigin Origin, IReadOnlyDictionary<string, object?> Columns)
{
    private const int MaxNames = 40;

    /// <summary>The name of a value's type in an error.</summary>
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

    /// <summary>The column, or an error that lists the existing columns.</summary>
    public object? Column(string name) => Columns.TryGetValue(name, out object? value)
        ? value
        : throw Origin.Error($"expected a column \"{name}\", found {ColumnList()}.");

    /// <summary>The column as a string, or an error that names its type.</summary>
    public string Text(string name) => Column(name) as string
        ?? throw Origin.Error($"expected a string in \"{name}\", found {Describe(Columns[name])}.");

    /// <summary>"columns a, b (an object with c)".</summary>
    public string ColumnList() =>
        Columns.Count == 0 ? "no columns" : "columns " + Names(Columns.Select(column => column.Value switch
        {
            IReadOnlyDictionary<string, object?> { Count: > 0 } fields => $"{column.Key} (an object with {Names(fields.Keys)})",
            _ => column.Key,
        }));

    /// <summary>Names from a file, for a one-line message.</summary>
    public static string Names(IEnumerable<string> names)
    {
        string[] first = [.. names.Take(MaxNames + 1).Select(FileErrors.OneLine)];
        return string.Join(", ", first.Take(MaxNames)) + (first.Length > MaxNames ? ", …" : "");
    }
}

/// <summary>Stands for a value of the file that cannot be represented. It matters only if its column is used.</summary>
/// <param name="What">The words after "found" in an error: "type decimal, which …".</param>
internal sealed record Unreadable(string What)
{
    /// <summary>The value as a long, double or string for a reader that takes a date as a text; null where there is none.</summary>
    public object? Plain { get; init; }

    /// <inheritdoc/>
    public override string ToString() => What;
}
