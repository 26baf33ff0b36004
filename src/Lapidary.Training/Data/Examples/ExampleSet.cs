using Lapidary.Training.Data.Storage;

namespace Lapidary.Training.Data.Examples;

/// <summary>The examples of a data set, in its order: their tokens as bytes, and a few numbers of each.</summary>
internal sealed class ExampleSet
{
    private readonly int[] _lengths, _trained;
    private readonly long[] _ends;
    private readonly int[]? _rows;

    /// <summary>Wraps the data of <see cref="ExampleWriter"/> or <see cref="ExampleFile"/>.</summary>
    /// <param name="bytes">The examples' ids and labels.</param>
    /// <param name="vocabularySize">Ids are smaller than this.</param>
    /// <param name="lengths">[example]: number of its tokens.</param>
    /// <param name="trained">[example]: number of its trained tokens.</param>
    /// <param name="ends">[example]: end of its bytes.</param>
    /// <param name="rows">[example]: its row in the data set; null if every row is an example.</param>
    public ExampleSet(ByteStore bytes, int vocabularySize, int[] lengths, int[] trained, long[] ends, int[]? rows)
    {
        (Bytes, VocabularySize, Width) = (bytes, vocabularySize, new TokenWidth(vocabularySize));
        (_lengths, _trained, _ends, _rows) = (lengths, trained, ends, rows);
    }

    /// <summary>Number of examples.</summary>
    public int Count => _lengths.Length;

    /// <summary>[example]: number of its tokens.</summary>
    public ReadOnlySpan<int> Lengths => _lengths;

    /// <summary>[example]: number of its trained tokens.</summary>
    public ReadOnlySpan<int> Trained => _trained;

    /// <summary>[example]: end of its bytes.</summary>
    public ReadOnlySpan<long> Ends => _ends;

    /// <summary>[example]: its row; empty if every row is an example.</summary>
    public ReadOnlySpan<int> Rows => _rows;

    /// <summary>The examples' ids and labels.</summary>
    public ByteStore Bytes { get; }

    /// <summary>Ids are smaller than this.</summary>
    public int VocabularySize { get; }

    /// <summary>The encoding of ids.</summary>
    public TokenWidth Width { get; }

    /// <summary>Counts for the rows.</summary>
    public required ExampleCounts Counts { get; init; }

    /// <summary>SHA-256 over lengths, ids and labels, in lower-case hexadecimal. A run records it, and a resumed run compares it.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The number of an example's row in the data set.</summary>
    public int RowOf(int example) => _rows is null ? example : _rows[example];

    /// <summary>An example, for people and tests.</summary>
    public Example Read(int example)
    {
        int[] ids = new int[_lengths[example]], labels = new int[_lengths[example]];
        new ExampleReader(this).Read(example, 0, ids, labels);
        return new(ids, labels);
    }

    /// <summary>Creates a set of existing examples, such as random ones.</summary>
    public static ExampleSet Of(IEnumerable<Example> examples)
    {
        var writer = new ExampleWriter(int.MaxValue, new(), folder: null);
        int row = 0;
        foreach (var example in examples)
        {
            writer.Counts.Longest = Math.Max(writer.Counts.Longest, example.InputIds.Length);
            writer.Add(example, row++);
        }

        return writer.Build();
    }
}
