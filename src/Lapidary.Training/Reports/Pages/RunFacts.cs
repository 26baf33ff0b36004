using System.Globalization;
using Lapidary.Formats;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The rows of the page's tables about runs.</summary>
internal static class RunFacts
{
    /// <summary>State and results.</summary>
    public static IReadOnlyList<ComparedRow> Overview(IReadOnlyList<RecordedRun> runs) => Rows(runs,
        ("state", run => run.State),
        ("steps", run => Figures.Count(run.Step) + (run.MaxSteps > 0 ? $" of {Figures.Count(run.MaxSteps)}" : "")),
        ("epochs", run => Figures.Number((run.Log.Count > 0 ? run.Log[^1].Epoch : null), "0.##")),
        ("last training loss", run => Figures.Number(run.Log.LastOrDefault(entry => entry.Loss is not null)?.Loss, "F4")),
        ("evaluation loss", run => Figures.Number(Evaluation(run)?.EvalLoss, "F4")),
        ("token accuracy in evaluation", run => Figures.Number(Evaluation(run)?.EvalMeanTokenAccuracy, "P1")),
        ("metric", run => Evaluation(run)?.EvalMetric),
        ("metric before training", run => Figures.Number(Before(run), "0.####")),
        ("metric after training", run => Figures.Number(Evaluation(run)?.EvalMetricValue, "0.####")),
        ("weights", run => run.LoadedStep is { } step ? $"of the best checkpoint, step {step}"
            : run.Sessions.Count > 0 ? "of the last step" : null),
        ("time", run => Figures.Duration(Seconds(run))),
        ("tokens per second", run => Figures.Number(Speed(run), "N0")),
        ("model", run => run.Model),
        ("trained values", run => Figures.Count(run.TrainedValues)),
        ("device", run => run.LastSession?.Device),
        ("started", run => run.Sessions is [var first, ..] ? Figures.Time(first.Started) : null),
        ("folder", run => run.Folder));

    /// <summary>What was trained on.</summary>
    public static IReadOnlyList<ComparedRow> Data(IReadOnlyList<RecordedRun> runs) => Rows(runs,
    [
        ("data", run => string.Join(", ", run.Data)),
        .. OfRows("", run => run.Train),
        .. OfRows("evaluation: ", run => run.Evaluation),
    ]);

    /// <summary>Planned and measured memory, of the last session that knows it.</summary>
    public static IReadOnlyList<ComparedRow> Memory(IReadOnlyList<RecordedRun> runs)
    {
        string[] owners = [.. runs.SelectMany(run => Planned(run)?.PlannedOwners ?? []).Select(owner => owner.Key).Distinct()];
        return Rows(runs,
        [
            ("planned", run => Bytes(Planned(run)?.PlannedBytes)),
            ("measured peak", run => Bytes(Peak(run))),
            ("measured of planned", run => Peak(run) is { } peak && Planned(run)?.PlannedBytes is > 0 and var planned
                ? Figures.Number((double)peak / planned, "P2") : null),
            ("available", run => Bytes(Planned(run)?.AvailableBytes)),
            .. owners.Select(owner => ($"planned for {owner}", (Func<RecordedRun, string?>)(run =>
                Planned(run)?.PlannedOwners.Where(pair => pair.Key == owner).Select(pair => Bytes(pair.Value)).FirstOrDefault()))),
        ]);
    }

    /// <summary>When and where the runs were made; nothing if each has a single session that needs no comment.</summary>
    public static IReadOnlyList<ComparedRow> Sessions(IReadOnlyList<RecordedRun> runs) =>
    [
        .. Enumerable.Range(0, runs.Max(run => run.Sessions.Count)).Select(i => ComparedRow.Of(
            string.Create(CultureInfo.InvariantCulture, $"session {i + 1}"), runs,
            run => i < run.Sessions.Count ? Describe(run, run.Sessions[i]) : null)).OfType<ComparedRow>(),
    ];

    private static string Describe(RecordedRun run, RecordedSession session) => string.Join('\n', new[]
    {
        $"{Figures.Time(session.Started)} to {Figures.Time(session.Ended) ?? "?"}",
        $"steps {session.FirstStep ?? 0} to {session.LastStep ?? 0}, {(session == run.Sessions[^1] ? run.State : session.State)}",
        session.Device + (session.Ranks > 1 ? $", {session.Ranks} ranks" : ""),
        $"{session.Host}, Lapidary {session.Version}",
        session.Error ?? "",
    }.Where(line => line.Length > 0));

    private static IEnumerable<(string, Func<RecordedRun, string?>)> OfRows(string prefix, Func<RecordedRun, RecordedRows?> rows) =>
    [
        (prefix + "rows", run => Figures.Count(rows(run)?.Rows)),
        (prefix + "packed into", run => Figures.Count(rows(run)?.Sequences)),
        (prefix + "tokens", run => Figures.Count(rows(run)?.Tokens)),
        (prefix + "trained tokens", run => Figures.Share(rows(run)?.TrainedTokens, rows(run)?.Tokens)),
        (prefix + "rows cut to max_length", run => Figures.Share(rows(run)?.TruncatedRows, rows(run)?.Rows)),
        (prefix + "tokens cut off", run => Figures.Count(rows(run)?.TruncatedTokens)),
        (prefix + "rows left out", run => Figures.Count(rows(run)?.DroppedRows)),
        (prefix + "longest row", run => rows(run)?.LongestRow is { } tokens ? $"{Figures.Count(tokens)} tokens" : null),
    ];

    private static List<ComparedRow> Rows(
        IReadOnlyList<RecordedRun> runs, params IEnumerable<(string Label, Func<RecordedRun, string?> Value)> rows) =>
        [.. rows.Select(row => ComparedRow.Of(row.Label, runs, row.Value)).OfType<ComparedRow>()];

    /// <summary>The evaluation of the weights that the run ended with.</summary>
    private static LogEntry? Evaluation(RecordedRun run) =>
        run.Log.LastOrDefault(entry => entry.EvalLoss is not null && entry.Step == run.LoadedStep)
        ?? run.Log.LastOrDefault(entry => entry.EvalLoss is not null);

    private static double? Before(RecordedRun run) =>
        run.Log.FirstOrDefault(entry => entry is { Step: 0, EvalMetricValue: not null })?.EvalMetricValue;

    private static double? Seconds(RecordedRun run) => run.Sessions.Sum(session => session.Seconds) is > 0 and var seconds ? seconds : null;

    private static double? Speed(RecordedRun run) => run.Sessions.Sum(session => session.TrainingSeconds) is > 0 and var seconds
        ? run.Sessions.Sum(session => session.Tokens) / seconds
        : run.Log.LastOrDefault(entry => entry.TokensPerSecond is not null)?.TokensPerSecond;

    private static RecordedSession? Planned(RecordedRun run) => run.Sessions.LastOrDefault(session => session.PlannedBytes is not null);

    private static long? Peak(RecordedRun run) => run.Sessions.LastOrDefault(session => session.PeakBytes is not null)?.PeakBytes;

    private static string? Bytes(long? bytes) => bytes is { } count ? ByteSize.Format(count) : null;
}
