namespace Lapidary.Cli.Asking;

/// <summary>How rows are shown.</summary>
internal enum RowFormat
{
    /// <summary>A table for people.</summary>
    Table,

    /// <summary>RFC 4180, with a header.</summary>
    Csv,

    /// <summary>A list of objects on one line.</summary>
    Json,
}
