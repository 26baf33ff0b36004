using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>Answers to the same questions, by the first and by the last evaluation of each run that has samples.</summary>
internal static class SampleTables
{
    /// <summary>Writes a part for each run.</summary>
    public static void Write(HtmlText page, IReadOnlyList<RecordedRun> runs)
    {
        foreach (var (i, run) in runs.Index())
        {
            if (run.Samples.Count == 0) continue;
            var (first, last) = (run.Samples[0], run.Samples.LastOrDefault(one => one.Step == run.LoadedStep, run.Samples[^1]));
            page.Open("h3");
            RunMarks.Write(page, i);
            page.Text(run.Name).Close().Line();
            foreach (var sample in last.Samples)
            {
                page.Open("article", ("class", "sample")).Add("h4", sample.Question);
                page.Open("dl");
                if (sample.Expected is { } expected) Part(page, "expected", expected, isRight: null);
                var before = first.Samples.FirstOrDefault(one => one.Question == sample.Question && one.Expected == sample.Expected);
                if (first.Step != last.Step && before is not null) Answer(page, first.Step, before);
                Answer(page, last.Step, sample);
                page.Close().Close().Line();
            }
        }
    }

    private static void Answer(HtmlText page, int step, EvaluationSample sample) => Part(
        page, step == 0 ? "before training" : $"after step {step}", sample.Answer ?? "(no answer)", sample.IsRight);

    private static void Part(HtmlText page, string title, string text, bool? isRight)
    {
        page.Open("dt").Text(title);
        if (isRight is { } right) page.Text(" ").Add("span", right ? "✓ right" : "✗ wrong", ("class", right ? "right" : "wrong"));
        page.Close().Open("dd").Open("pre", ("tabindex", "0"), ("role", "region"), ("aria-label", title)).Add("code", text).Close().Close();
    }
}
