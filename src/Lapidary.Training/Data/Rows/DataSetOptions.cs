using Lapidary.Formats;
using Lapidary.Training.Data.Storage;

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

    /// <summary>Folder in which the tokens of the rows are kept for later runs; null for the user's own (LAPIDARY_CACHE, else
    /// ~/.cache/lapidary, and in it tokenized), empty for none.</summary>
    public string? CacheDir { get; init; }

    /// <summary>Told now and then how many rows are read, and later how many of them are tokenized.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }

    /// <summary>What the rows were loaded by: a path or an id of the Hub; null for rows of a program.</summary>
    internal string? Source { get; init; }

    /// <summary>What is kept in memory, and what is worth a file.</summary>
    internal StorageLimits Limits { get; init; } = new();
}
