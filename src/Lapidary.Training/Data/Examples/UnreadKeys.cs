using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Data.Examples;

/// <summary>Finds keys of rows that the chat template does not read, such as tools for Gemma's template. The conversation is then trained
/// without them.</summary>
/// <param name="encoder">Tells which keys the template reads; may be null.</param>
internal sealed class UnreadKeys(ITextEncoder? encoder)
{
    private static readonly string[] OfMessages = ["tool_calls", "function_call", "reasoning_content"], OfRows = ["tools", "documents"];

    private readonly string[] _unread = [.. OfRows.Concat(OfMessages).Where(key => encoder?.Reads(key) == false)];
    private readonly int[] _counts = new int[OfRows.Length + OfMessages.Length];

    /// <summary>Finds such keys in a row.</summary>
    /// <returns>A bit for each key found, for <see cref="Count"/>.</returns>
    public int FindIn(DataRow row)
    {
        if (_unread.Length == 0 || !BringsFields(row)) return 0;
        int found = 0;
        for (int i = 0; i < _unread.Length; i++)
            if (Has(row, _unread[i])) found |= 1 << i;
        return found;
    }

    /// <summary>Counts the keys found in a row; not thread-safe.</summary>
    public void Count(int found)
    {
        for (int i = 0; found != 0; i++, found >>= 1) _counts[i] += found & 1;
    }

    /// <summary>One line for each such key.</summary>
    public IReadOnlyList<string> Lines() =>
    [
        .. _unread.Zip(_counts).Where(pair => pair.Second > 0).Select(pair =>
            $"The chat template does not read {pair.First}, which "
            + $"{Amount.Of(pair.Second, "row brings", "rows bring")}: it is not in what is trained."),
    ];

    /// <summary>Whether a row has more than roles and contents; most rows do not.</summary>
    private static bool BringsFields(DataRow row) => row switch
    {
        MessagesRow messages => messages.TemplateVariables is not null || BringFields(messages.Messages),
        ConversationalPromptRow pair => pair.TemplateVariables is not null || BringFields(pair.Prompt) || BringFields(pair.Completion),
        _ => false,
    };

    private static bool BringFields(IReadOnlyList<ChatTurn> messages)
    {
        for (int i = 0; i < messages.Count; i++)
            if (messages[i].Fields is not null) return true;
        return false;
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
