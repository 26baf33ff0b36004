using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training;

/// <summary>A row of a data set as it was read, before tokenization: one of the five records below.</summary>
public abstract record DataRow
{
    /// <summary>The place where it was read; a row made in memory gets its place from its <see cref="DataSet"/>.</summary>
    internal RowOrigin Origin { get; init; }
}

/// <summary>A conversation for the chat template.</summary>
/// <param name="Messages">At least one message.</param>
public sealed record MessagesRow(IReadOnlyList<ChatTurn> Messages) : DataRow
{
    /// <summary>Further variables of the chat template: "tools", "documents", and the names in chat_template_kwargs; null for
    /// none.</summary>
    public IReadOnlyDictionary<string, object?>? TemplateVariables { get; init; }
}

/// <summary>A prompt and its completion as text.</summary>
/// <param name="Prompt">Text before the completion, including its trailing white space.</param>
/// <param name="Completion">The text to learn.</param>
public sealed record PromptCompletionRow(string Prompt, string Completion) : DataRow;

/// <summary>A prompt and its completion as messages for the chat template.</summary>
/// <param name="Prompt">At least one message.</param>
/// <param name="Completion">The messages that follow; at least one.</param>
public sealed record ConversationalPromptRow(IReadOnlyList<ChatTurn> Prompt, IReadOnlyList<ChatTurn> Completion) : DataRow
{
    /// <inheritdoc cref="MessagesRow.TemplateVariables"/>
    public IReadOnlyDictionary<string, object?>? TemplateVariables { get; init; }
}

/// <summary>Plain text.</summary>
/// <param name="Text">The text to learn.</param>
public sealed record TextRow(string Text) : DataRow;

/// <summary>A pre-tokenized row; it is used unchanged, except for truncation.</summary>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">The id to learn at each position, unshifted, or −100; null trains every token.</param>
public sealed record TokensRow(int[] InputIds, int[]? Labels) : DataRow
{
    /// <summary>For each id, whether it belongs to the completion, for completion_only_loss; null if unknown.</summary>
    public bool[]? CompletionMask { get; init; }

    /// <summary>For each id, whether the assistant wrote it, for assistant_only_loss; null if unknown.</summary>
    public bool[]? AssistantMask { get; init; }
}
