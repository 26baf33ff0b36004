using Lapidary.Training.Data.Examples;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Tests.Data;

/// <summary>What sets and sequences hold, as objects.</summary>
internal static class ExampleSets
{
    public static Example[] All(this ExampleSet set) => [.. Enumerable.Range(0, set.Count).Select(set.Read)];

    public static int[] RowNumbers(this ExampleSet set) => [.. Enumerable.Range(0, set.Count).Select(set.RowOf)];

    /// <summary>[sequence][document].</summary>
    public static Document[][] Documents(this PackedSequences sequences) => [.. Enumerable.Range(0, sequences.Count).Select(sequence =>
        Enumerable.Range(0, sequences.DocumentsOf(sequence)).Select(i => sequences.Document(sequence, i)).ToArray())];

    public static Example Read(this PackedSequences sequences, Document document)
    {
        int[] ids = new int[document.Length], labels = new int[document.Length];
        new ExampleReader(sequences.Set).Read(document.Example, document.Start, ids, labels);
        return new(ids, labels);
    }
}
