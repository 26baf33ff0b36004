namespace Lapidary.Training.Data.Storage;

/// <summary>Rows of several sources, one after the other.</summary>
internal sealed class JoinedRows : RowSource
{
    private readonly RowSource[] _sources;

    /// <summary>[i]: number of the first row of source i; the last entry is the number of all.</summary>
    private readonly int[] _starts;

    /// <summary>Joins sources.</summary>
    public JoinedRows(IReadOnlyList<RowSource> sources)
    {
        _sources = [.. sources];
        _starts = new int[_sources.Length + 1];
        for (int i = 0; i < _sources.Length; i++) _starts[i + 1] = checked(_starts[i] + _sources[i].Count);
    }

    /// <inheritdoc/>
    public override int Count => _starts[^1];

    /// <inheritdoc/>
    public override string? ContentHash =>
        Array.TrueForAll(_sources, source => source.ContentHash is not null)
            ? HashText.Of(_sources.Select(source => source.ContentHash!))
            : null;

    /// <inheritdoc/>
    public override long ContentBytes => _sources.Sum(source => source.ContentBytes);

    /// <inheritdoc/>
    public override DataRow Read(int index)
    {
        int source = SourceOf(index);
        return _sources[source].Read(index - _starts[source]);
    }

    /// <summary>The number of the source that a row is of.</summary>
    public int SourceOf(int index)
    {
        int source = Array.BinarySearch(_starts, index);
        if (source < 0) source = ~source - 1;
        while (_sources[source].Count == 0) source++;
        return source;
    }
}
