using Lapidary.Gemma;

namespace Lapidary.Training.Data.Examples;

/// <summary>What rows tell a chat template that does not read it, as Gemma's own knows no tools: a conversation is then trained without
/// it.</summary>
internal static class UnreadKeys
{
    private static readonly string[] OfMessages = ["tool_calls", "function_call", "reasoning_content"], OfRows = ["tools", "documents"];

    /// <summary>One line for each such key.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<DataRow> rows, ITextEncoder? encoder)
    {
        List<string> lines = [];
        foreach (string key in OfRows.Concat(OfMessages).Where(key => encoder?.Reads(key) == false))
        {
            int count = rows.Count(row => Has(row, key));
            if (count > 0) lines.Add($"The chat template does not read {key}, which {count} rows bring: it is not in what is trained.");
        }

        return lines;
    }

    private static bool Has(DataRow row, string key) => row switch
    {
        MessagesRow messages => Has(messages.TemplateVariables, key) || Has(messages.Messages, key),
        ConversationalPromptRow pair => Has(pair.TemplateVariables, key) || Has(pair.Prompt, key) || Has(pair.Completion, key),
        _ => false,
    };

    private static bool Has(IReadOnlyList<ChatTurn> messages, string key) =>
        OfMessages.Contains(key) && messages.Any(message => Has(message.Fields, key));

    private static bool Has(IReadOnlyDictionary<string, object?>? values, string key) =>
        values?.GetValueOrDefault(key) is not (null or "" or IReadOnlyCollection<object?> { Count: 0 });
}
