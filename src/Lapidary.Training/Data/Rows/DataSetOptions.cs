namespace Lapidary.Training;

/// <summary>How columns become rows. By default the kind is told from the columns' names.</summary>
public sealed record DataSetOptions
{
    /// <summary>The kind of rows; null looks at the first row of each file.</summary>
    public RowKind? Kind { get; init; }

    /// <summary>What the files hold; null tells it from their names, and takes JSON Lines from a pipe.</summary>
    public DataFormat? Format { get; init; }

    /// <summary>Which rows stay: those that all of these keep.</summary>
    public IReadOnlyList<RowFilter> Filters { get; init; } = [];

    /// <summary>Makes messages out of other columns; goes before everything else.</summary>
    public RowTemplate? Template { get; init; }

    /// <summary>Column of the conversation, instead of "messages" or "conversations".</summary>
    public string? MessagesColumn { get; init; }

    /// <summary>Column of plain text, instead of "text".</summary>
    public string? TextColumn { get; init; }

    /// <summary>Column of the prompt, instead of "prompt".</summary>
    public string? PromptColumn { get; init; }

    /// <summary>Column of the completion, instead of "completion".</summary>
    public string? CompletionColumn { get; init; }
}
