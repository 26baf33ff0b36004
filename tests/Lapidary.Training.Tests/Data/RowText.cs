using Lapidary.Gemma;

namespace Lapidary.Training.Tests.Data;

/// <summary>Rows as text that tests can compare.</summary>
internal static class RowText
{
    public static string[] Load(string name, string content, DataSetOptions? options = null)
    {
        using var file = new TemporaryFile(name, content);
        return Of(DataSet.Load(file.Name, options));
    }

    public static string[] Of(DataSet data) => [.. data.Rows.Select(Of)];

    public static string Of(DataRow row) => row switch
    {
        MessagesRow messages => Of(messages.Messages),
        PromptCompletionRow pair => $"{pair.Prompt} -> {pair.Completion}",
        ConversationalPromptRow pair => $"{Of(pair.Prompt)} -> {Of(pair.Completion)}",
        TextRow text => text.Text,
        TokensRow tokens => string.Join(',', tokens.InputIds) + (tokens.Labels is { } labels ? " / " + string.Join(',', labels) : ""),
        _ => throw new ArgumentException(row.GetType().Name),
    };

    private static string Of(IReadOnlyList<ChatTurn> messages) =>
        string.Join(" | ", messages.Select(x => $"{x.Role}: {x.Content ?? string.Join('+', x.Parts!.Select(y => y.Text))}"));
}
