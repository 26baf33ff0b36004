using System.Globalization;
using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Comparing;

/// <summary>When two results are the same by this project's definition: columns by position, rows as a bag, or in the reference's order
/// where it asks for one; rows that this order leaves equal may stand in any order.</summary>
internal static class ResultComparison
{
    /// <summary>Rows that are compared with each other one to name the first that differs.</summary>
    private const int MaxCompared = 200;

    /// <summary>Compares without order.</summary>
    /// <returns>Why they differ; null where they do not.</returns>
    public static string? Bag(ResultRows expected, ResultRows found)
    {
        if (Shape(expected, found) is { } shape) return shape;
        return Bags.Contain(found.Rows, expected.Rows, expected.Columns.Length) ? null : FirstDifference(expected, found);
    }

    /// <summary>Compares with order.</summary>
    /// <param name="expected">The reference's result.</param>
    /// <param name="found">The answer's result.</param>
    /// <param name="ties">All rows from which the reference took its result; asked for where the order differs.</param>
    public static string? Ordered(ResultRows expected, ResultRows found, Func<TiedRows?> ties)
    {
        if (Shape(expected, found) is { } shape) return shape;
        int columns = expected.Columns.Length;
        bool isSame = true;
        for (int row = 0; row < found.Rows.Count && isSame; row++) isSame = Cells.Match(found.Rows[row], expected.Rows[row], columns);

        // The reference itself must fit, or its order was not understood.
        if (isSame || (ties() is { } tied && tied.Allow(expected.Rows) && tied.Allow(found.Rows))) return null;
        return Bags.Contain(found.Rows, expected.Rows, columns)
            ? "The rows are right, their order is not."
            : FirstDifference(expected, found);
    }

    private static string? Shape(ResultRows expected, ResultRows found)
    {
        if (expected.Columns.Length != found.Columns.Length)
            return $"{Count(found.Columns.Length, "column")}, expected {expected.Columns.Length}.";
        return expected.Rows.Count != found.Rows.Count ? $"{Count(found.Rows.Count, "row")}, expected {expected.Rows.Count}." : null;

        static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
    }

    private static string FirstDifference(ResultRows expected, ResultRows found)
    {
        int columns = expected.Columns.Length;

        // Most rows are found as they are; those that differ are compared with each, within the tolerance.
        var known = PythonRows.Keys(expected.Rows).Select(PythonRows.Row).ToHashSet();
        int compared = 0;
        foreach (object?[] row in found.Rows)
        {
            if (known.Contains(PythonRows.Row(PythonRows.Keys([row])[0]))) continue;
            if (++compared > MaxCompared) return "The rows differ.";
            if (!expected.Rows.Exists(other => Cells.Match(row, other, columns))) return $"A row is not expected: {Text(row)}.";
        }

        return "The same rows, but not as often as expected.";
    }

    private static string Text(object?[] row)
    {
        string text = string.Join(", ", row.Select(cell => cell switch
        {
            null => "NULL",
            string value => $"'{value}'",
            byte[] blob => $"x'{Convert.ToHexString(blob)}'",
            _ => Convert.ToString(cell, CultureInfo.InvariantCulture),
        }));
        if (text.Length > 120) text = text[..119] + "…";
        return string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
