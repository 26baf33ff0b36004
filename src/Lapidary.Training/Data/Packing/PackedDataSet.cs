using System.Security.Cryptography;
using System.Text;
using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training;

/// <summary>Sequences ready for the model: examples, packed or one per sequence, and the batches made of them. A sequence is a row of a
/// batch.</summary>
public sealed class PackedDataSet
{
    /// <summary>A batch cannot have more tokens; such sizes never run.</summary>
    private const int MaxTokens = 1 << 30;

    private readonly PackedSequences _sequences;
    private readonly BatchBuilder _builder;
    private readonly ExampleReader _reader;

    /// <summary>[n]: tokens of the n longest sequences.</summary>
    private readonly int[] _tokensOfLongest;

    /// <summary>Packs the examples.</summary>
    /// <param name="examples">Tokenized rows.</param>
    /// <param name="packing">How they share sequences.</param>
    /// <param name="maxLength">Tokens of a packed sequence.</param>
    /// <param name="padTokenId">Id of the padding.</param>
    internal PackedDataSet(ExampleSet examples, PackingStrategy packing, int maxLength, int padTokenId)
    {
        _sequences = Packer.Pack(examples, packing, maxLength);
        _reader = new ExampleReader(examples);
        _builder = new BatchBuilder(padTokenId, packing == PackingStrategy.None ? null : maxLength);
        int[] shortestFirst = _sequences.Tokens.ToArray();
        Array.Sort(shortestFirst);
        _tokensOfLongest = new int[shortestFirst.Length + 1];
        for (int i = 0; i < shortestFirst.Length; i++)
            _tokensOfLongest[i + 1] = (int)Math.Min((long)_tokensOfLongest[i] + shortestFirst[^(i + 1)], MaxTokens);
    }

    private PackedDataSet(PackedDataSet other)
    {
        (_sequences, _tokensOfLongest) = (other._sequences, other._tokensOfLongest);
        _reader = new ExampleReader(_sequences.Set);
        _builder = other._builder.Copy();
    }

    /// <summary>Number of sequences.</summary>
    public int Count => _sequences.Count;

    /// <summary>Identifies the examples: their ids and labels, in order.</summary>
    internal string DataFingerprint => _sequences.Set.Fingerprint;

    /// <summary>The sequences.</summary>
    internal PackedSequences Sequences => _sequences;

    /// <summary>Tokens of some sequences.</summary>
    internal long Tokens(ReadOnlySpan<int> indices)
    {
        long tokens = 0;
        foreach (int index in indices) tokens += _sequences.Tokens[index];
        return tokens;
    }

    /// <summary>Trained tokens of some sequences.</summary>
    internal int TrainedTokens(ReadOnlySpan<int> indices)
    {
        int trained = 0;
        foreach (int index in indices) trained += _sequences.Trained[index];
        return trained;
    }

    /// <summary>The data set's rows in some sequences, from 1 on, for messages: "row 3", "rows 3, 9 and 12 others".</summary>
    internal string Describe(ReadOnlySpan<int> indices)
    {
        const int Shown = 8;
        int[] rows = [.. indices.ToArray().SelectMany(RowsOf).Distinct().Order()];
        string others = rows.Length > Shown ? $" and {rows.Length - Shown} others" : "";
        return $"{(rows.Length == 1 ? "row" : "rows")} {string.Join(", ", rows.Take(Shown))}{others}";
    }

    private IEnumerable<int> RowsOf(int sequence) => Enumerable.Range(0, _sequences.DocumentsOf(sequence))
        .Select(i => _sequences.Set.RowOf(_sequences.Document(sequence, i).Example) + 1);

    /// <summary>The same sequences with separate batches. Each user needs a separate object, because ranks may be threads.</summary>
    internal PackedDataSet Share() => new(this);

    /// <summary>A batch of some sequences, valid until the next one.</summary>
    internal Batch Batch(ReadOnlySpan<int> indices) => _builder.Build(_sequences, indices, _reader);

    /// <summary>Tokens of the largest possible batch with a number of rows, padding included.</summary>
    internal int LargestBatchTokens(int rows)
    {
        rows = Math.Min(rows, Count);
        return _builder.LengthOf(rows, _tokensOfLongest[rows]);
    }

    /// <summary>The record of checkpoints of 0.1: one hash of the data and of their order in steps.</summary>
    internal string OldFingerprint(SftConfig config) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{DataFingerprint} {config.EffectivePacking} {config.MaxLength} {config.PerDeviceTrainBatchSize} "
        + $"{config.GradientAccumulationSteps} {config.Seed} {config.Shuffle}")));
}
