using Lapidary.Formats;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training;

/// <summary>How columns become rows. By default, the column names decide the kind.</summary>
public sealed record DataSetOptions
{
    /// <summary>The kind of rows; null detects it from the first row of each file.</summary>
    public RowKind? Kind { get; init; }

    /// <summary>The format of the files; null detects it from their names and reads a pipe as JSON Lines.</summary>
    public DataFormat? Format { get; init; }

    /// <summary>Filters: a row is kept if all of them accept it.</summary>
    public IReadOnlyList<RowFilter> Filters { get; init; } = [];

    /// <summary>Makes messages out of other columns; takes precedence over all other settings.</summary>
    public RowTemplate? Template { get; init; }

    /// <summary>Column of the conversation, instead of "messages" or "conversations".</summary>
    public string? MessagesColumn { get; init; }

    /// <summary>Column of plain text, instead of "text".</summary>
    public string? TextColumn { get; init; }

    /// <summary>Column of the prompt, instead of "prompt".</summary>
    public string? PromptColumn { get; init; }

    /// <summary>Column of the completion, instead of "completion".</summary>
    public string? CompletionColumn { get; init; }

    /// <summary>Folder in which the tokens of the rows are stored for later runs; null for the user's cache (the folder tokenized in
    /// LAPIDARY_CACHE, else in ~/.cache/lapidary), empty for none.</summary>
    public string? CacheDir { get; init; }

    /// <summary>Receives the number of rows read so far, and later the number of rows tokenized.</summary>
    public IProgress<WorkProgress>? Progress { get; init; }

    /// <summary>The path or Hub id that the rows were loaded by; null for rows of a program.</summary>
    internal string? Source { get; init; }

    /// <summary>Limits: how much stays in memory, and from which size on a file is used.</summary>
    internal StorageLimits Limits { get; init; } = new();
}
