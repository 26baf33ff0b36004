using System.Text;
using Lapidary.Formats;

namespace Lapidary.Gemma.Text;

/// <summary>Conversations of users: a control token that somebody wrote in a message, such as &lt;end_of_turn&gt;, is text. It ends no
/// turn.</summary>
/// <remarks>Such texts go through the template with a mark inside, a character that occurs nowhere else. The place of a mark is then a
/// break, which no control token contains. All other text has the ids of <see cref="ChatTemplate.Encode"/>.</remarks>
internal static class WrittenTokens
{
    /// <summary>Noncharacters, which no text should contain; then those that nobody has given a meaning.</summary>
    private static IEnumerable<char> Marks => Characters('\uFDD0', '\uFDEF').Concat(Characters('\uE000', '\uF8FF'));

    /// <summary>Token ids of a conversation and the start of an answer, with exactly one BOS.</summary>
    /// <param name="template">The model's template.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="messages">At least one message, each a plain text.</param>
    /// <inheritdoc cref="ChatTemplate.Render"/>
    public static int[] EncodePrompt(ChatTemplate template, Tokenizer tokenizer, IReadOnlyList<ChatTurn> messages)
    {
        if (!messages.Any(message => tokenizer.FindControlTokens(message.Content!).Any()))
            return template.Encode(tokenizer, messages, addGenerationPrompt: true);
        char mark = FreeMark(template, messages);
        ChatTurn[] marked = [.. messages.Select(message => new ChatTurn(message.Role, Mark(tokenizer, message.Content!, mark)))];
        var (text, breaks) = Unmark(template.Render(marked, addGenerationPrompt: true), mark);
        return tokenizer.EncodePrompt(text, breaks);
    }

    private static char FreeMark(ChatTemplate template, IReadOnlyList<ChatTurn> messages)
    {
        var used = new HashSet<char>(template.Text);
        foreach (var message in messages) used.UnionWith(message.Content!);
        foreach (char mark in Marks)
            if (!used.Contains(mark)) return mark;
        throw new LapidaryException("The conversation contains every private character of Unicode, expected text.");
    }

    private static string Mark(Tokenizer tokenizer, string text, char mark)
    {
        var marked = new StringBuilder(text.Length + 16);
        int from = 0;
        foreach (int at in tokenizer.FindControlTokens(text))
        {
            marked.Append(text, from, at - from).Append(mark);
            from = at;
        }

        return marked.Append(text, from, text.Length - from).ToString();
    }

    private static (string Text, int[] Breaks) Unmark(string marked, char mark)
    {
        string[] parts = marked.Split(mark);
        int[] breaks = new int[parts.Length - 1];
        for (int i = 0, at = 0; i < breaks.Length; i++) breaks[i] = at += parts[i].Length;
        return (string.Concat(parts), breaks);
    }

    private static IEnumerable<char> Characters(char first, char last) =>
        Enumerable.Range(first, last - first + 1).Select(unit => (char)unit);
}
