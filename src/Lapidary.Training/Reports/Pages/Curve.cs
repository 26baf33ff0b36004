using System.Globalization;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>A value over the steps of all runs that have it.</summary>
/// <param name="Id">Its id in the page.</param>
/// <param name="Title">What it is.</param>
/// <param name="Unit">Its unit, or "".</param>
/// <param name="Format">The format of a value.</param>
/// <param name="Lines">A line for each run that has values.</param>
internal sealed record Curve(string Id, string Title, string Unit, string Format, IReadOnlyList<CurveLine> Lines)
{
    /// <summary>The curves that have values, in the order of the page.</summary>
    public static IReadOnlyList<Curve> Of(IReadOnlyList<RecordedRun> runs)
    {
        string[] metrics = [.. runs.SelectMany(run => run.Log).Select(entry => entry.EvalMetric).OfType<string>().Distinct()];
        Curve[] all =
        [
            New("loss", "Training loss", "nats per trained token", "F4", entry => entry.Loss),
            New("eval-loss", "Evaluation loss", "nats per trained token", "F4", entry => entry.EvalLoss),
            .. metrics.Select((metric, i) => New(
                string.Create(CultureInfo.InvariantCulture, $"metric-{i}"), $"Evaluation metric {metric}", "", "0.####",
                entry => entry.EvalMetric == metric ? entry.EvalMetricValue : null)),
            New("accuracy", "Token accuracy in training", "share of trained tokens", "F4", entry => entry.MeanTokenAccuracy),
            New("eval-accuracy", "Token accuracy in evaluation", "share of trained tokens", "F4", entry => entry.EvalMeanTokenAccuracy),
            New("learning-rate", "Learning rate", "", "G4", entry => entry.LearningRate),
            New("grad-norm", "Gradient norm", "before clipping", "G4", entry => entry.GradNorm),
            New("speed", "Speed", "tokens per second", "F0", entry => entry.TokensPerSecond),
        ];
        return [.. all.Where(curve => curve.Lines.Count > 0)];

        Curve New(string id, string title, string unit, string format, Func<LogEntry, double?> value) => new(
            id, title, unit, format,
            [.. runs.Select((run, i) => CurveLine.Of(i, run.Log, value)).Where(line => line.Steps.Count > 0)]);
    }

    /// <summary>A value as text.</summary>
    public string Text(double value) => Figures.Number(value, Format)!;
}

/// <summary>The values of one run.</summary>
/// <param name="Run">The run's index.</param>
/// <param name="Steps">Steps, ascending.</param>
/// <param name="Values">A value for each step, not always a finite number.</param>
internal sealed record CurveLine(int Run, IReadOnlyList<int> Steps, IReadOnlyList<double> Values)
{
    /// <summary>More points than pixels help nobody.</summary>
    private const int MostPoints = 2000;

    /// <summary>Steps whose value is not a finite number.</summary>
    public IEnumerable<int> NotFinite => Steps.Where((_, i) => !double.IsFinite(Values[i]));

    /// <summary>The values of a log; of several at a step, the last.</summary>
    public static CurveLine Of(int run, IReadOnlyList<LogEntry> log, Func<LogEntry, double?> value)
    {
        var points = new SortedDictionary<int, double>();
        foreach (var entry in log)
            if (value(entry) is { } number) points[entry.Step] = number;
        return new(run, [.. points.Keys], [.. points.Values]);
    }

    /// <summary>The line with so few points that it can be drawn: of each stretch of steps the smallest and the largest value, and all that
    /// are no finite numbers, so that no peak and no gap is lost.</summary>
    public CurveLine Thinned()
    {
        if (Steps.Count <= MostPoints) return this;
        int stretches = MostPoints / 2;
        SortedSet<int> kept = [0, Steps.Count - 1];
        for (int i = 0; i < stretches; i++)
        {
            int first = (int)((long)i * Steps.Count / stretches), end = (int)((long)(i + 1) * Steps.Count / stretches);
            int[] finite = [.. Enumerable.Range(first, end - first).Where(at => double.IsFinite(Values[at]))];
            if (finite.Length < end - first) kept.UnionWith(Enumerable.Range(first, end - first).Except(finite).Take(2));
            if (finite.Length == 0) continue;
            kept.Add(finite.MinBy(at => Values[at]));
            kept.Add(finite.MaxBy(at => Values[at]));
        }

        return this with { Steps = [.. kept.Select(at => Steps[at])], Values = [.. kept.Select(at => Values[at])] };
    }
}
