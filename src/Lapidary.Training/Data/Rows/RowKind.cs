namespace Lapidary.Training;

/// <summary>The kinds of rows in a data set; a file holds one kind.</summary>
public enum RowKind
{
    /// <summary>A conversation: column "messages" (role, content) or "conversations" (from, value).</summary>
    Messages,

    /// <summary>Columns "prompt" and "completion", both strings or both lists of messages.</summary>
    PromptCompletion,

    /// <summary>Column "text".</summary>
    Text,

    /// <summary>Pre-tokenized: column "input_ids" and, if wanted, "labels".</summary>
    Tokens,
}
