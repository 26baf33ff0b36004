using Lapidary.Formats;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data.Packing;

/// <summary>Puts examples into sequences.</summary>
/// <remarks>TRL packs each thousand rows on their own, because its map works in batches. Here the whole data set is packed at once: fewer
/// sequences are left part empty, and the result does not depend on a batch size.</remarks>
internal static class Packer
{
    /// <summary>Packs by any strategy.</summary>
    /// <param name="examples">The examples in order.</param> <param name="strategy">How.</param>
    /// <param name="maxLength">Tokens of a sequence; required but for <see cref="PackingStrategy.None"/>.</param>
    /// <exception cref="LapidaryException">Packing without a max_length.</exception>
    public static PackedSequence[] Pack(IReadOnlyList<Example> examples, PackingStrategy strategy, int? maxLength)
    {
        if (strategy == PackingStrategy.None) return [.. examples.Select((x, i) => new PackedSequence([Whole(i, x, int.MaxValue)]))];
        if (maxLength is not > 0)
            throw new LapidaryException("packing: expected a max_length above 0, found none; give the tokens of a row.");
        return strategy == PackingStrategy.Wrapped ? Wrap(examples, maxLength.Value) : BestFit(examples, maxLength.Value);
    }

    private static PackedSequence[] BestFit(IReadOnlyList<Example> examples, int maxLength)
    {
        int[] lengths = [.. examples.Select(x => Math.Min(x.InputIds.Length, maxLength))];
        return [.. BestFitDecreasing.Pack(lengths, maxLength)
            .Select(bin => new PackedSequence(bin.ConvertAll(i => Whole(i, examples[i], maxLength))))];
    }

    private static PackedSequence[] Wrap(IReadOnlyList<Example> examples, int maxLength)
    {
        List<PackedSequence> sequences = [];
        List<Document> documents = [];
        int free = maxLength;
        for (int i = 0; i < examples.Count; i++)
        {
            var example = examples[i];
            for (int start = 0; start < example.InputIds.Length;)
            {
                int length = Math.Min(free, example.InputIds.Length - start);
                documents.Add(new(i, example.InputIds.AsMemory(start, length), example.Labels.AsMemory(start, length)));
                start += length;
                free -= length;
                if (free > 0) continue;
                sequences.Add(new([.. documents]));
                documents.Clear();
                free = maxLength;
            }
        }

        if (documents.Count > 0) sequences.Add(new([.. documents]));
        return [.. sequences];
    }

    private static Document Whole(int index, Example example, int maxLength)
    {
        int length = Math.Min(example.InputIds.Length, maxLength);
        return new(index, example.InputIds.AsMemory(0, length), example.Labels.AsMemory(0, length));
    }
}
