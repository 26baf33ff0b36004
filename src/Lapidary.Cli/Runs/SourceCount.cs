using System.Globalization;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Runs;

/// <summary>The share of one of several data sets in a run.</summary>
/// <param name="Name">As it was typed.</param>
/// <param name="Rows">Number of trained rows.</param>
/// <param name="Tokens">Number of their tokens.</param>
/// <param name="TrainedTokens">Tokens whose prediction is trained.</param>
internal sealed record SourceCount(string Name, int Rows, long Tokens, long TrainedTokens)
{
    private long AllRows { get; init; }

    private long AllTokens { get; init; }

    /// <summary>Counts the examples of each data set that the rows were combined from.</summary>
    public static IReadOnlyList<SourceCount> Of(IReadOnlyList<NamedData> sources, DataSet data, ExampleSet examples)
    {
        var counts = new (int Rows, long Tokens, long Trained)[sources.Count];
        for (int i = 0; i < examples.Count; i++)
        {
            ref var count = ref counts[data.PartOf(examples.RowOf(i))];
            count = (count.Rows + 1, count.Tokens + examples.Lengths[i], count.Trained + examples.Trained[i]);
        }

        long rows = examples.Count, tokens = counts.Sum(count => count.Tokens);
        return [.. sources.Zip(counts, (source, count) => new SourceCount(source.Name, count.Rows, count.Tokens, count.Trained)
        {
            AllRows = rows,
            AllTokens = tokens,
        })];
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"from {Name}: {Amount.Of(Rows, "row")} ({(double)Rows / AllRows:P1}), {Amount.Of(Tokens, "token")} "
        + $"({(double)Tokens / AllTokens:P1}), trained {TrainedTokens}");
}
