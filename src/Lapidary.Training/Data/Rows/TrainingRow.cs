using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>One row of a data set, before it is tokenized: one of the four records below.</summary>
/// <param name="Origin">Where it was read.</param>
public abstract record TrainingRow(RowOrigin Origin);

/// <summary>A conversation, to be rendered by the chat template.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Messages">At least one message.</param>
public sealed record MessagesRow(RowOrigin Origin, IReadOnlyList<ChatTurn> Messages) : TrainingRow(Origin);

/// <summary>A prompt and its completion as text.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Prompt">Text before the completion, with its own trailing white space.</param>
/// <param name="Completion">The text to learn.</param>
public sealed record PromptCompletionRow(RowOrigin Origin, string Prompt, string Completion) : TrainingRow(Origin);

/// <summary>A prompt and its completion as messages, to be rendered by the chat template.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Prompt">At least one message.</param>
/// <param name="Completion">The messages that follow; at least one.</param>
public sealed record ConversationalPromptRow(RowOrigin Origin, IReadOnlyList<ChatTurn> Prompt, IReadOnlyList<ChatTurn> Completion)
    : TrainingRow(Origin);

/// <summary>Plain text.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Text">The text to learn.</param>
public sealed record TextRow(RowOrigin Origin, string Text) : TrainingRow(Origin);

/// <summary>A row tokenized beforehand; taken as it is, but for truncation.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">The id to learn at each position, unshifted, or −100; null trains every token.</param>
public sealed record TokensRow(RowOrigin Origin, int[] InputIds, int[]? Labels) : TrainingRow(Origin);
