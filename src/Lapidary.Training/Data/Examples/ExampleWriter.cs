using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>Appends examples to a set.</summary>
/// <param name="vocabularySize">Ids are smaller than this.</param>
/// <param name="limits">Limits for memory.</param>
/// <param name="folder">The folder for data beyond these limits; see <see cref="ByteStore"/>.</param>
internal sealed class ExampleWriter(int vocabularySize, StorageLimits limits, string? folder)
{
    private readonly ByteStore _bytes = new(limits.MemoryBytes, folder);
    private readonly List<int> _lengths = [], _trained = [], _rows = [];
    private readonly List<long> _ends = [];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ByteBuilder _example = new();
    private readonly TokenWidth _width = new(vocabularySize);
    private byte[] _ids = [];
    private bool _hasOtherRows;

    /// <summary>Counts for all rows.</summary>
    public ExampleCounts Counts { get; } = new();

    /// <summary>Appends an example.</summary>
    /// <param name="example">The example; its ids are in range.</param>
    /// <param name="row">Its row in the data set.</param>
    public void Add(Example example, int row)
    {
        var (ids, labels) = example;
        _hash.AppendData(BitConverter.GetBytes(ids.Length));
        _hash.AppendData(MemoryMarshal.AsBytes<int>(ids));
        _hash.AppendData(MemoryMarshal.AsBytes<int>(labels));

        int idBytes = ids.Length * _width.Bytes;
        if (_ids.Length < idBytes) _ids = new byte[idBytes * 2];
        _width.Write(ids, _ids);
        _bytes.Append(_ids.AsSpan(0, idBytes));
        _example.Clear();
        LabelRuns.Write(_example, example, _width, vocabularySize);
        _bytes.Append(_example.Span);

        _hasOtherRows |= row != _lengths.Count;
        _lengths.Add(ids.Length);
        _trained.Add(example.TrainedTokens);
        _ends.Add(_bytes.Length);
        _rows.Add(row);
    }

    /// <summary>The set.</summary>
    public ExampleSet Build() => new(_bytes, vocabularySize, [.. _lengths], [.. _trained], [.. _ends], _hasOtherRows ? [.. _rows] : null)
    {
        Counts = Counts,
        Fingerprint = Convert.ToHexStringLower(_hash.GetHashAndReset()),
    };
}
