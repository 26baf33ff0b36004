using System.Security.Cryptography;
using System.Text;

namespace Lapidary.Training;

/// <summary>Rows ready for the model: examples, packed or one to a row, and how they become batches.</summary>
public sealed class TrainingRows
{
    /// <summary>Beyond this no batch has a length: nothing of that size is ever run.</summary>
    private const int MaxTokens = 1 << 30;

    private readonly PackedRow[] _rows;
    private readonly BatchBuilder _builder;
    private readonly string _dataFingerprint;

    /// <summary>[n]: tokens of the n longest rows.</summary>
    private readonly int[] _tokensOfLongest;

    private PackedRow[] _batch = [];

    /// <summary>Packs the examples.</summary>
    /// <param name="examples">Tokenized rows.</param> <param name="packing">How they share rows.</param> <param name="maxLength">Tokens of
    /// a packed row.</param>
    /// <param name="padTokenId">Fills what is left of a batch.</param>
    public TrainingRows(ExampleSet examples, PackingStrategy packing, int maxLength, int padTokenId)
    {
        _rows = Packer.Pack(examples.Examples, packing, maxLength);
        _builder = new BatchBuilder(padTokenId, packing == PackingStrategy.None ? null : maxLength);
        _tokensOfLongest = new int[_rows.Length + 1];
        int[] longestFirst = [.. _rows.Select(row => row.Tokens).OrderDescending()];
        for (int i = 0; i < longestFirst.Length; i++) _tokensOfLongest[i + 1] = (int)Math.Min((long)_tokensOfLongest[i] + longestFirst[i], MaxTokens);
        _dataFingerprint = examples.Fingerprint();
    }

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Length;

    /// <summary>The rows.</summary>
    public IReadOnlyList<PackedRow> Rows => _rows;

    /// <summary>Trained tokens of some rows.</summary>
    public int TrainedTokens(ReadOnlySpan<int> indices)
    {
        int trained = 0;
        foreach (int index in indices) trained += _rows[index].TrainedTokens;
        return trained;
    }

    /// <summary>A batch of some rows, valid until the next one.</summary>
    public Batch Batch(ReadOnlySpan<int> indices)
    {
        if (_batch.Length < indices.Length) _batch = new PackedRow[indices.Length];
        for (int i = 0; i < indices.Length; i++) _batch[i] = _rows[indices[i]];
        return _builder.Build(_batch.AsSpan(0, indices.Length));
    }

    /// <summary>Tokens of the largest batch of so many rows that can come up, padding included.</summary>
    public int LargestBatchTokens(int rows)
    {
        rows = Math.Min(rows, Count);
        return _builder.LengthOf(rows, _tokensOfLongest[rows]);
    }

    /// <summary>Identifies what a run's steps read: the data and how they are put into steps.</summary>
    internal string Fingerprint(SftConfig config) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{_dataFingerprint} {config.EffectivePacking} {config.MaxLength} {config.PerDeviceTrainBatchSize} {config.GradientAccumulationSteps} {config.Seed} {config.Shuffle}")));
}
