using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Training.Data.Examples;

/// <summary>The prompt of a row whose answer is to be generated.</summary>
internal static class RowPrompt
{
    /// <summary>The ids before the answer.</summary>
    /// <param name="row">The row; its answer, if it has one, is left out.</param>
    /// <param name="tokenizer">Returns the tokenizer; throws if there is none.</param>
    /// <param name="template">Returns the chat template; throws if there is none.</param>
    /// <exception cref="LapidaryException">There is no tokenizer or template for text.</exception>
    public static int[] Ids(DataRow row, Func<Tokenizer> tokenizer, Func<ChatTemplate> template) => row switch
    {
        MessagesRow messages => Continue(WithoutAnswer(messages.Messages), messages.TemplateVariables, tokenizer, template),
        PromptCompletionRow both => tokenizer().EncodePrompt(both.Prompt),
        ConversationalPromptRow both => Continue(both.Prompt, both.TemplateVariables, tokenizer, template),
        TextRow plain => tokenizer().EncodePrompt(plain.Text),
        TokensRow tokens => tokens.InputIds,
        _ => throw row.Origin.Error("expected a row that can be continued, found another kind."),
    };

    private static int[] Continue(
        IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables, Func<Tokenizer> tokenizer,
        Func<ChatTemplate> template) => template().Encode(tokenizer(), messages, addGenerationPrompt: true, variables);

    private static IReadOnlyList<ChatTurn> WithoutAnswer(IReadOnlyList<ChatTurn> messages) =>
        messages is [_, .., { Role: "assistant" or "model" }] ? [.. messages.Take(messages.Count - 1)] : messages;
}
