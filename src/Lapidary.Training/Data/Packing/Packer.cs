using Lapidary.Formats;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training;

/// <summary>Puts examples into rows.</summary>
/// <remarks>TRL packs each thousand rows on their own, because its map works in batches. Here the whole data set is packed at once: fewer
/// rows are left part empty, and the result does not depend on a batch size.</remarks>
public static class Packer
{
    /// <summary>Packs by any strategy.</summary>
    /// <param name="examples">The examples in order.</param> <param name="strategy">How.</param>
    /// <param name="maxLength">Tokens of a row; required but for <see cref="PackingStrategy.None"/>.</param>
    /// <exception cref="LapidaryException">Packing without a max_length.</exception>
    public static PackedRow[] Pack(IReadOnlyList<Example> examples, PackingStrategy strategy, int? maxLength)
    {
        if (strategy == PackingStrategy.None) return [.. examples.Select((x, i) => new PackedRow([Whole(i, x, int.MaxValue)]))];
        if (maxLength is not > 0) throw new LapidaryException("packing: expected a max_length above 0, found none; give the tokens of a row.");
        return strategy == PackingStrategy.Wrapped ? Wrap(examples, maxLength.Value) : BestFit(examples, maxLength.Value);
    }

    private static PackedRow[] BestFit(IReadOnlyList<Example> examples, int maxLength)
    {
        int[] lengths = [.. examples.Select(x => Math.Min(x.InputIds.Length, maxLength))];
        return [.. BestFitDecreasing.Pack(lengths, maxLength)
            .Select(bin => new PackedRow(bin.ConvertAll(i => Whole(i, examples[i], maxLength))))];
    }

    private static PackedRow[] Wrap(IReadOnlyList<Example> examples, int maxLength)
    {
        List<PackedRow> rows = [];
        List<PackedDocument> documents = [];
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
                rows.Add(new([.. documents]));
                documents.Clear();
                free = maxLength;
            }
        }

        if (documents.Count > 0) rows.Add(new([.. documents]));
        return [.. rows];
    }

    private static PackedDocument Whole(int index, Example example, int maxLength)
    {
        int length = Math.Min(example.InputIds.Length, maxLength);
        return new(index, example.InputIds.AsMemory(0, length), example.Labels.AsMemory(0, length));
    }
}
