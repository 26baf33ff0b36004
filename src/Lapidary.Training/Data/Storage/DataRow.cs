using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training;

/// <summary>One row of a data set, as it was read, before it is tokenized: one of the five records below.</summary>
public abstract record DataRow
{
    /// <summary>Where it was read; a row made in memory gets its place from its <see cref="DataSet"/>.</summary>
    internal RowOrigin Origin { get; init; }
}

/// <summary>A conversation, to be rendered by the chat template.</summary>
/// <param name="Messages">At least one message.</param>
public sealed record MessagesRow(IReadOnlyList<ChatTurn> Messages) : DataRow
{
    /// <summary>What else the chat template is told: "tools", "documents", and what chat_template_kwargs names; null for
    /// nothing.</summary>
    public IReadOnlyDictionary<string, object?>? TemplateVariables { get; init; }
}

/// <summary>A prompt and its completion as text.</summary>
/// <param name="Prompt">Text before the completion, with its own trailing white space.</param>
/// <param name="Completion">The text to learn.</param>
public sealed record PromptCompletionRow(string Prompt, string Completion) : DataRow;

/// <summary>A prompt and its completion as messages, to be rendered by the chat template.</summary>
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

/// <summary>A row tokenized beforehand; taken as it is, but for truncation.</summary>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">The id to learn at each position, unshifted, or −100; null trains every token.</param>
public sealed record TokensRow(int[] InputIds, int[]? Labels) : DataRow
{
    /// <summary>For each id whether it belongs to the completion, which completion_only_loss trains alone; null if that is not
    /// known.</summary>
    public bool[]? CompletionMask { get; init; }

    /// <summary>For each id whether the assistant says it, which assistant_only_loss trains alone; null if that is not known.</summary>
    public bool[]? AssistantMask { get; init; }
}
