using Lapidary.Formats;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data.Packing;

/// <summary>Packs examples into sequences.</summary>
/// <remarks>TRL packs each thousand rows separately, because its map works in batches. Here the whole data set is packed at once: fewer
/// sequences stay partly empty, and the result does not depend on a batch size.</remarks>
internal static class Packer
{
    /// <summary>Packs by any strategy.</summary>
    /// <param name="set">The examples in order.</param>
    /// <param name="strategy">The strategy.</param>
    /// <param name="maxLength">Tokens of a sequence; required except for <see cref="PackingStrategy.None"/>.</param>
    /// <exception cref="LapidaryException">Packing is requested without max_length.</exception>
    public static PackedSequences Pack(ExampleSet set, PackingStrategy strategy, int? maxLength)
    {
        if (strategy == PackingStrategy.None) return PackedSequences.OfExamples(set);
        if (maxLength is not > 0)
            throw new LapidaryException("Packing: expected a MaxLength above 0, found none; give the tokens of a row.");
        return strategy == PackingStrategy.Wrapped ? Wrap(set, maxLength.Value) : BestFit(set, maxLength.Value);
    }

    private static PackedSequences BestFit(ExampleSet set, int maxLength)
    {
        int[] lengths = set.Lengths.ToArray();
        for (int i = 0; i < lengths.Length; i++) lengths[i] = Math.Min(lengths[i], maxLength);
        var (starts, items) = BestFitDecreasing.Pack(lengths, maxLength);
        return PackedSequences.OfBins(set, starts, items, maxLength);
    }

    private static PackedSequences Wrap(ExampleSet set, int maxLength)
    {
        List<int> starts = [0];
        List<Document> documents = [];
        int free = maxLength;
        for (int i = 0; i < set.Count; i++)
        {
            for (int start = 0; start < set.Lengths[i];)
            {
                int length = Math.Min(free, set.Lengths[i] - start);
                documents.Add(new(i, start, length));
                start += length;
                free -= length;
                if (free > 0) continue;
                starts.Add(documents.Count);
                free = maxLength;
            }
        }

        if (documents.Count > starts[^1]) starts.Add(documents.Count);
        return PackedSequences.OfPieces(set, [.. starts], documents);
    }
}
