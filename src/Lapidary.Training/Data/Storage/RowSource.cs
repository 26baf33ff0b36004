namespace Lapidary.Training.Data.Storage;

/// <summary>Rows from any source, readable one by one and by several threads.</summary>
internal abstract class RowSource
{
    /// <summary>Number of rows.</summary>
    public abstract int Count { get; }

    /// <summary>SHA-256 of the rows' content, in hexadecimal; null if unknown, as for rows in memory.</summary>
    public abstract string? ContentHash { get; }

    /// <summary>Bytes of all rows; 0 if unknown.</summary>
    public abstract long ContentBytes { get; }

    /// <summary>Reads a row.</summary>
    public abstract DataRow Read(int index);
}

/// <summary>Rows that a program made.</summary>
internal sealed class MemoryRows(DataRow[] rows) : RowSource
{
    /// <inheritdoc/>
    public override int Count => rows.Length;

    /// <inheritdoc/>
    public override string? ContentHash => null;

    /// <inheritdoc/>
    public override long ContentBytes => 0;

    /// <inheritdoc/>
    public override DataRow Read(int index) => rows[index];
}
