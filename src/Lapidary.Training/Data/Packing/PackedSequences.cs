using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data.Packing;

/// <summary>A document in a sequence: an example, or a piece of one. Documents never see each other.</summary>
/// <param name="Example">The example's number.</param>
/// <param name="Start">Its first token.</param>
/// <param name="Length">Its tokens.</param>
internal readonly record struct Document(int Example, int Start, int Length);

/// <summary>Sequences for training, each a row of a batch: one document, or several. They take a few numbers each and no objects.</summary>
internal sealed class PackedSequences
{
    /// <summary>[sequence]: number of its first document; the last entry is the number of documents. Null if each sequence has
    /// one.</summary>
    private readonly int[]? _starts;

    /// <summary>[document]: its example. Null if the numbers are the same.</summary>
    private readonly int[]? _examples;

    /// <summary>[document]: its first token and its number of tokens. Null if documents are whole examples, cut to a maximum
    /// length.</summary>
    private readonly (int Start, int Length)[]? _pieces;

    private readonly int _maxLength;
    private readonly int[] _tokens, _trained;

    private PackedSequences(ExampleSet set, int[]? starts, int[]? examples, (int, int)[]? pieces, int maxLength)
    {
        (Set, _starts, _examples, _pieces, _maxLength) = (set, starts, examples, pieces, maxLength);
        Count = starts is null ? set.Count : starts.Length - 1;
        (_tokens, _trained) = (new int[Count], new int[Count]);
        var reader = new ExampleReader(set);
        for (int sequence = 0; sequence < Count; sequence++)
        {
            for (int i = 0; i < DocumentsOf(sequence); i++)
            {
                var document = Document(sequence, i);
                _tokens[sequence] += document.Length;
                _trained[sequence] += TrainedOf(document, reader);
            }
        }
    }

    /// <summary>The examples of the sequences.</summary>
    public ExampleSet Set { get; }

    /// <summary>Number of sequences.</summary>
    public int Count { get; }

    /// <summary>[sequence]: tokens of all its documents.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>[sequence]: tokens whose prediction is trained: labels other than −100, except the first of each document.</summary>
    public ReadOnlySpan<int> Trained => _trained;

    /// <summary>Makes a sequence of every example.</summary>
    public static PackedSequences OfExamples(ExampleSet set) => new(set, null, null, null, int.MaxValue);

    /// <summary>Makes sequences of whole examples; longer ones are cut.</summary>
    /// <param name="set">The examples.</param>
    /// <param name="starts">[sequence]: number of its first document; one extra entry at the end.</param>
    /// <param name="examples">[document]: its example.</param>
    /// <param name="maxLength">Largest number of tokens of a document.</param>
    public static PackedSequences OfBins(ExampleSet set, int[] starts, int[] examples, int maxLength) =>
        new(set, starts, examples, null, maxLength);

    /// <summary>Sequences of pieces of examples.</summary>
    public static PackedSequences OfPieces(ExampleSet set, int[] starts, IReadOnlyList<Document> documents) => new(
        set, starts, [.. documents.Select(document => document.Example)],
        [.. documents.Select(document => (document.Start, document.Length))], int.MaxValue);

    /// <summary>Number of a sequence's documents.</summary>
    public int DocumentsOf(int sequence) => _starts is null ? 1 : _starts[sequence + 1] - _starts[sequence];

    /// <summary>A document of a sequence.</summary>
    public Document Document(int sequence, int index)
    {
        int document = _starts is null ? sequence : _starts[sequence] + index;
        int example = _examples is null ? document : _examples[document];
        return _pieces is null
            ? new(example, 0, Math.Min(Set.Lengths[example], _maxLength))
            : new(example, _pieces[document].Start, _pieces[document].Length);
    }

    private int TrainedOf(Document document, ExampleReader reader)
    {
        if (document.Length == Set.Lengths[document.Example]) return Set.Trained[document.Example];
        int[] ids = new int[document.Length], labels = new int[document.Length];
        reader.Read(document.Example, document.Start, ids, labels);
        return Example.CountTrained(labels);
    }
}
