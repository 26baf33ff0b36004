using System.Globalization;
using Lapidary.Cli.Help;
using Lapidary.Cli.Output;
using Lapidary.Cli.Screens;
using Lapidary.Gemma.Sources;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Cli.History;

/// <summary>Runs as a table that fits a screen: the least important columns without room are left out and named below.</summary>
internal static class RunTable
{
    private const int Gap = 2, ShortestName = 10, LongestOption = 24;

    private const string Cut = "…";

    /// <summary>The lines of the table.</summary>
    /// <param name="runs">In their order.</param>
    /// <param name="options">Keys of settings to show as columns.</param>
    /// <param name="width">Columns of the screen.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<FoundRun> runs, IReadOnlyList<string> options, int width)
    {
        Column[] all =
        [
            new("state", 2, run => run.State),
            new("steps", 4, run => run.MaxSteps > 0 ? $"{run.Step}/{run.MaxSteps}" : $"{run.Step}", IsRight: true),
            new("loss", 3, run => Number(run.Loss), IsRight: true),
            new("eval", 1, run => Number(run.EvalLoss) + (run.BestStep is { } step ? $" @{step}" : ""), IsRight: true),
            .. runs.Select(run => run.Metric).OfType<string>().Distinct().Order(StringComparer.Ordinal).Select(metric =>
                new Column(metric, 1, run => run.Metric == metric ? Number(run.MetricValue) : "-", IsRight: true)),
            .. options.Select(key => OptionColumn(runs, key)),
            new("model", 6, run => run.Model is { } model ? Tail(ModelSource.ShortName(model), LongestOption) : "-"),
            new("time", 7, run => run.Time is { } time ? PlainText.Duration(time) : "-", IsRight: true),
            new("tok/s", 8, run => run.TokensPerSecond?.ToString("F0", CultureInfo.InvariantCulture) ?? "-", IsRight: true),
            new("started", 9, run => run.Started is { } started
                ? started.LocalDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) : "-"),
        ];
        int longest = runs.Max(run => Width(run.Name));
        int nameWidth = Math.Max("run".Length, Math.Min(longest, Math.Max(ShortestName, width / 3)));
        var shown = Choose(all, runs, width - nameWidth);
        if (longest > nameWidth) // what is left goes to the names
        {
            int free = width - nameWidth - shown.Sum(column => Gap + column.WidthOf(runs));
            nameWidth = Math.Min(longest, nameWidth + Math.Max(0, free));
        }

        yield return Line(Fit("run", nameWidth), shown.Select(column => column.Pad(column.Title, runs)));
        foreach (var run in runs)
            yield return Line(Fit(Tail(run.Name, nameWidth), nameWidth), shown.Select(column => column.Pad(column.Value(run), runs)));
        string[] left = [.. all.Except(shown).Select(column => column.Title)];
        if (left.Length == 0) yield break;
        foreach (string line in WrappedText.Lines($"left out: {string.Join(", ", left)}; --json has them.", width)) yield return line;
    }

    /// <summary>The columns that fit, by importance, in their order.</summary>
    private static Column[] Choose(Column[] all, IReadOnlyList<FoundRun> runs, int room)
    {
        var chosen = new HashSet<Column>();
        foreach (var column in all.OrderBy(column => column.Rank))
        {
            int needed = Gap + column.WidthOf(runs);
            if (needed > room) continue;
            room -= needed;
            chosen.Add(column);
        }

        return [.. all.Where(chosen.Contains)];
    }

    private static string Line(string name, IEnumerable<string> cells) =>
        string.Join(new string(' ', Gap), cells.Prepend(name)).TrimEnd();

    private static string Number(double? value) => value?.ToString("F4", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>A setting; of a path as much of its end as tells it from those of the other runs.</summary>
    private static Column OptionColumn(IReadOnlyList<FoundRun> runs, string key)
    {
        string[] paths =
            [.. runs.Select(run => run.Settings.GetValueOrDefault(key) ?? "").Where(Path.IsPathFullyQualified).Distinct()];
        var names = paths.Zip(DistinctNames.Of(paths)).ToDictionary();
        return new Column(key, 5, run => run.Settings.GetValueOrDefault(key) is { Length: > 0 } value
            ? Tail(PlainText.OneLine(names.GetValueOrDefault(value, value)), LongestOption) : "-");
    }

    /// <summary>The end of a text that is too long; runs differ more often at the end than at the beginning.</summary>
    private static string Tail(string text, int width) =>
        Width(text) <= width ? text : Cut + LineLayout.End(text, width - Width(Cut));

    private static string Fit(string text, int width) => text + new string(' ', Math.Max(0, width - Width(text)));

    private static int Width(string text) => LineLayout.Width(text);

    /// <param name="Title">The heading.</param>
    /// <param name="Rank">The importance: columns with a smaller value are kept longer.</param>
    /// <param name="Value">A run's cell.</param>
    /// <param name="IsRight">Whether it is right-aligned.</param>
    private sealed record Column(string Title, int Rank, Func<FoundRun, string> Value, bool IsRight = false)
    {
        public int WidthOf(IReadOnlyList<FoundRun> runs) => Math.Max(Width(Title), runs.Max(run => Width(Value(run))));

        public string Pad(string text, IReadOnlyList<FoundRun> runs)
        {
            string blanks = new(' ', Math.Max(0, WidthOf(runs) - Width(text)));
            return IsRight ? blanks + text : text + blanks;
        }
    }
}
