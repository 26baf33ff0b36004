using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Jinja;

namespace Lapidary.Gemma.Text;

/// <summary>Finds the text of each message in a rendered conversation.</summary>
/// <remarks>A template loops over the messages, and the output of an iteration is the text of its message. So one rendering finds all
/// texts, and one more finds the start of an assistant's turn. Only if the loop does not visit a message (a macro writes it), the
/// conversation is rendered up to that message.</remarks>
/// <param name="name">The template's name in errors.</param>
/// <param name="messages">The conversation.</param>
/// <param name="values">The same messages as the template sees them.</param>
/// <param name="whole">The rendering, without a generation prompt.</param>
/// <param name="render">Renders the first messages, up to a number, with or without the start of the next turn.</param>
internal sealed class TurnSpans(
    string name, IReadOnlyList<ChatTurn> messages, List<object?> values, RenderedText whole, Func<int, bool, string> render)
{
    /// <summary>The longest conversation that is rendered once for each of its messages: the work grows with the square.</summary>
    private const int MaxRenderedByPrefix = 1024;

    private int _rendered;

    private readonly TextSpan?[] _visits = Visits(values, whole.Visits);

    /// <summary>The text of the assistant: the template's generation blocks, or, without them, each turn of the assistant without its
    /// start, which is the generation prompt.</summary>
    /// <exception cref="LapidaryException">The text alone does not tell them.</exception>
    public IReadOnlyList<TextSpan> Assistant()
    {
        if (whole.Generations.Count > 0) return whole.Generations;
        int[] turns = [.. Enumerable.Range(0, messages.Count).Where(i => messages[i].IsAssistant)];
        if (turns.Length == 0) return [];
        if (turns[0] == 0)
        {
            throw new LapidaryException(
                $"{name}: the conversation begins with the assistant, so its part cannot be told from the text; "
                + "begin with a user message.");
        }

        // A template that writes differently in front of a later message shows this at the first or the last turn.
        string opening = Opening(turns[0]);
        bool isPlain = ByPrefixes(turns[0]) == ByVisit(turns[0], opening) && ByPrefixes(turns[^1]) == ByVisit(turns[^1], opening);
        return [.. turns.Select(i => (isPlain ? ByVisit(i, opening) : null) ?? ByPrefixes(i))];
    }

    /// <summary>The text of all messages that are not trained.</summary>
    /// <exception cref="LapidaryException">The text alone does not tell it.</exception>
    public IReadOnlyList<TextSpan> Untrained()
    {
        var spans = new List<TextSpan>();
        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i].IsTrained) continue;
            spans.Add(_visits[i] ?? (messages[i].IsAssistant && i > 0
                ? ByPrefixes(i)
                : throw new LapidaryException(
                    $"{name}: message {i + 1}, role \"{FileErrors.OneLine(messages[i].Role)}\": expected a text of its own, because it is "
                    + "not to be trained, found none that can be told from the other messages'; leave out its weight or train.")));
        }

        return spans;
    }

    /// <summary>For each message, the range of the only loop iteration that wrote text for it.</summary>
    private static TextSpan?[] Visits(List<object?> values, IReadOnlyList<(object Item, TextSpan Output)> visits)
    {
        var indices = new Dictionary<object, int>(values.Count, ReferenceEqualityComparer.Instance);
        for (int i = 0; i < values.Count; i++) indices[values[i]!] = i;
        var spans = new TextSpan?[values.Count];
        int[] counts = new int[values.Count];
        foreach (var (item, output) in visits)
        {
            if (!indices.TryGetValue(item, out int index)) continue;
            spans[index] = ++counts[index] == 1 ? output : null;
        }

        return spans;
    }

    /// <summary>The generation prompt, if it does not change the rest of the text.</summary>
    private string Opening(int first)
    {
        string closed = render(first, false), open = render(first, true);
        return open.StartsWith(closed, StringComparison.Ordinal) ? open[closed.Length..] : "";
    }

    /// <summary>The text of an assistant's turn, from its loop iteration; null if that does not tell.</summary>
    private TextSpan? ByVisit(int i, string opening) =>
        _visits[i] is { } turn && whole.Text.AsSpan(turn.Start, turn.End - turn.Start).StartsWith(opening)
            ? turn with { Start = turn.Start + opening.Length }
            : null;

    /// <summary>The text of an assistant's turn, from the conversation rendered up to it and with it.</summary>
    private TextSpan ByPrefixes(int i)
    {
        if (++_rendered > MaxRenderedByPrefix)
        {
            throw new LapidaryException(
                $"{name}: expected at most {MaxRenderedByPrefix} messages whose part cannot be told from the loop over them, found "
                + $"{messages.Count} messages in all; mark the assistant's part in the template with {{% generation %}} and "
                + "{% endgeneration %}.");
        }

        string before = render(i, true), through = render(i + 1, false);
        if (!through.StartsWith(before, StringComparison.Ordinal) || !whole.Text.StartsWith(through, StringComparison.Ordinal))
        {
            throw new LapidaryException(
                $"{name}: message {i + 1} changes the text before it, so the assistant's part cannot be found; mark it in the "
                + "template with {% generation %} and {% endgeneration %}.");
        }

        return new TextSpan(before.Length, through.Length);
    }
}
