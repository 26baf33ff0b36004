using System.Globalization;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Evaluation;

/// <summary>What came of an evaluation: the accuracy of one set of answers, or of two beside each other.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Accuracies">One, or before and after.</param>
/// <param name="Scores">A score for each row, for each accuracy.</param>
/// <param name="Unanswered">Rows without an answer: no prompt fits into the model's context, or the file has none. They count as
/// wrong.</param>
/// <param name="UnansweredScored">Those of them that are scored.</param>
/// <param name="Seconds">Time of each part, in their order.</param>
internal sealed record EvalResult(
    EvalRows Rows, IReadOnlyList<SqlAccuracy> Accuracies, IReadOnlyList<IReadOnlyList<SqlScore>> Scores, int Unanswered,
    int UnansweredScored, IReadOnlyDictionary<string, double> Seconds)
{
    /// <summary>The accuracy that counts: of the only answers, or of those after.</summary>
    public SqlAccuracy Last => Accuracies[^1];

    private bool IsComparison => Accuracies.Count == 2;

    /// <summary>Rows that only the answers after are right in.</summary>
    private int Fixed => Changed(from: 0, to: 1);

    /// <summary>Rows that only the answers before are right in.</summary>
    private int Broken => Changed(from: 1, to: 0);

    /// <summary>"0.615".</summary>
    public static string Fraction(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    /// <summary>What a user may not expect: rows that are not scored, with the first one of them.</summary>
    public IEnumerable<string> Notes()
    {
        foreach (var (verdict, what) in new[]
        {
            (SqlVerdict.FailedContext, "context fails"), (SqlVerdict.FailedReference, "reference query fails"),
        })
        {
            int[] rows = [.. Enumerable.Range(0, Scores[^1].Count).Where(row => Scores[^1][row].Verdict == verdict)];
            if (rows.Length == 0) continue;
            yield return $"{Amount.Of(rows.Length, "row is", "rows are")} not scored, because the {what}; the first: "
                + $"{Rows.Origin(rows[0])}: {Printable.Line(Scores[^1][rows[0]].Why ?? "")}";
        }

        if (Last.Rows == 0) yield return "no row could be scored.";
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("metric", SqlEvaluation.MetricName);
        Write(json, Last);
        json.WriteNumber("unanswered", Unanswered);
        if (IsComparison)
        {
            foreach (var (name, accuracy) in new[] { ("before", Accuracies[0]), ("after", Accuracies[1]) })
            {
                json.WriteStartObject(name);
                Write(json, accuracy);
                json.WriteEndObject();
            }

            json.WriteNumber("fixed", Fixed);
            json.WriteNumber("broken", Broken);
            json.WriteNumber("mcnemar_p", McNemar.PValue(Fixed, Broken));
        }

        json.WriteStartObject("seconds");
        foreach (var (part, seconds) in Seconds) json.WriteNumber(part, Math.Round(seconds, 3));
        json.WriteEndObject();
    }

    public void Show(TextWriter people)
    {
        people.WriteLine($"rows       {Last.Rows:N0} scored{LeftOut()}");
        if (Last.OnRandomDatabases > 0)
            people.WriteLine($"           {Last.OnRandomDatabases:N0} of them on databases filled at random, as their tables have no rows");
        if (UnansweredScored > 0)
            people.WriteLine($"           {UnansweredScored:N0} of them without an answer, which count as wrong");
        foreach (string line in EvalTable.Lines(Accuracies)) people.WriteLine(line);
        if (IsComparison)
        {
            double p = McNemar.PValue(Fixed, Broken);
            string chance = p < 0.001 ? "p < 0.001" : $"p = {Fraction(p)}";
            people.WriteLine($"changed    {Amount.Grouped(Fixed, "row")} fixed, {Broken:N0} broken (McNemar's test: {chance})");
        }

        people.WriteLine($"time       {string.Join(", ", Seconds.Select(part => $"{part.Key} {Time(part.Value)}"))}");
    }

    private static string Time(double seconds) => seconds < 60
        ? $"{seconds.ToString("F1", CultureInfo.InvariantCulture)} s" : PlainText.Duration(TimeSpan.FromSeconds(seconds));

    private string LeftOut()
    {
        string[] parts =
        [
            .. new[]
            {
                (Last.EmptyReference, "with an empty reference"), (Last.FailedContext, "whose context fails"),
                (Last.FailedReference, "whose reference fails"),
            }.Where(part => part.Item1 > 0).Select(part => $"{part.Item1:N0} {part.Item2}"),
        ];
        return parts.Length == 0 ? "" : $"; left out: {string.Join(", ", parts)}";
    }

    private int Changed(int from, int to) => !IsComparison ? 0 : Scores[0].Where((_, row) =>
        !Scores[from][row].IsRight && Scores[to][row].IsRight).Count();

    private static void Write(Utf8JsonWriter json, SqlAccuracy accuracy)
    {
        json.WriteNumber("execution_accuracy", accuracy.ExecutionAccuracy);
        json.WriteStartArray("interval_95");
        json.WriteNumberValue(accuracy.Interval.Low);
        json.WriteNumberValue(accuracy.Interval.High);
        json.WriteEndArray();
        json.WriteNumber("rows", accuracy.Rows);
        json.WriteNumber("parse_rate", accuracy.ParseRate);
        json.WriteNumber("test_suite_accuracy", accuracy.TestSuiteAccuracy);
        json.WriteNumber("bird_accuracy", accuracy.BirdAccuracy);
        json.WriteNumber("empty_reference", accuracy.EmptyReference);
        json.WriteNumber("failed_context", accuracy.FailedContext);
        json.WriteNumber("failed_reference", accuracy.FailedReference);
        json.WriteNumber("on_random_databases", accuracy.OnRandomDatabases);
        json.WriteStartObject("verdicts");
        foreach (var (verdict, count) in accuracy.ByVerdict.OrderBy(pair => pair.Key))
            json.WriteNumber(SettingText.Snake($"{verdict}"), count);
        json.WriteEndObject();
        json.WriteStartObject("by_complexity");
        foreach (var (name, part) in accuracy.ByComplexity.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteStartObject(name);
            json.WriteNumber("execution_accuracy", part.ExecutionAccuracy);
            json.WriteNumber("rows", part.Rows);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
