using System.Globalization;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Evaluation;

/// <summary>Accuracies as a table: one column, or before and after.</summary>
internal static class EvalTable
{
    private const int MostComplexities = 20;

    private static readonly SqlVerdict[] Mistakes =
        [SqlVerdict.Wrong, SqlVerdict.InvalidSql, SqlVerdict.Refused, SqlVerdict.TimedOut, SqlVerdict.TooLarge];

    /// <summary>The lines of the table.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<SqlAccuracy> accuracies)
    {
        var rows = new List<(string Name, string[] Cells)>();
        if (accuracies.Count > 1) rows.Add(("", ["before", "after"]));
        Add("accuracy", accuracy => Percent(accuracy.ExecutionAccuracy));
        Add("  95 % interval", accuracy => $"{Percent(accuracy.Interval.Low)} – {Percent(accuracy.Interval.High)}");
        Add("  Spider's test suite", accuracy => Percent(accuracy.TestSuiteAccuracy));
        Add("  BIRD", accuracy => Percent(accuracy.BirdAccuracy));
        Add("parsed", accuracy => Percent(accuracy.ParseRate));
        foreach (var verdict in Mistakes)
        {
            if (accuracies.Any(accuracy => Count(accuracy, verdict) > 0))
                Add($"  {SettingText.Snake($"{verdict}").Replace('_', ' ')}", accuracy => Amount.Grouped(Count(accuracy, verdict), "row"));
        }

        // The most frequent ones, in their alphabetical order.
        string[] names =
        [
            .. accuracies[^1].ByComplexity.OrderByDescending(pair => pair.Value.Rows).ThenBy(pair => pair.Key, StringComparer.Ordinal)
                .Take(MostComplexities).Select(pair => pair.Key).Order(StringComparer.Ordinal),
        ];
        if (names.Length > 0) rows.Add(("by complexity", []));
        foreach (string name in names)
        {
            int count = accuracies[^1].ByComplexity[name].Rows;
            Add($"  {Printable.Line(name)} ({count:N0})", accuracy => accuracy.ByComplexity.TryGetValue(name, out var part)
                ? Percent(part.ExecutionAccuracy) : "-");
        }

        if (accuracies[^1].ByComplexity.Count - names.Length is > 0 and var more) rows.Add(($"  {more} more in --json", []));
        int first = rows.Max(row => row.Name.Length);
        int[] widths =
            [.. Enumerable.Range(0, accuracies.Count).Select(i => rows.Max(row => i < row.Cells.Length ? row.Cells[i].Length : 0))];
        return rows.Select(row => string.Concat(
            row.Cells.Select((cell, i) => "  " + cell.PadLeft(widths[i])).Prepend(row.Name.PadRight(first))).TrimEnd());

        void Add(string name, Func<SqlAccuracy, string> cell) => rows.Add((name, [.. accuracies.Select(cell)]));
    }

    private static int Count(SqlAccuracy accuracy, SqlVerdict verdict) => accuracy.ByVerdict.GetValueOrDefault(verdict);

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture) + " %";
}
