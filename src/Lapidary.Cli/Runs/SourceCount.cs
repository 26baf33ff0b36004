using System.Globalization;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Runs;

/// <summary>What one of several data sets brings to a run.</summary>
/// <param name="Name">As it was typed.</param> <param name="Rows">Rows that are trained.</param> <param name="Tokens">Their tokens.</param>
/// <param name="TrainedTokens">Tokens whose prediction is trained.</param>
internal sealed record SourceCount(string Name, int Rows, long Tokens, long TrainedTokens)
{
    private long AllRows { get; init; }

    private long AllTokens { get; init; }

    /// <summary>Counts by the files that rows came from; data sets that share a file are counted as one.</summary>
    public static IReadOnlyList<SourceCount> Of(IReadOnlyList<NamedData> sources, DataSet data, ExampleSet examples)
    {
        var byFile = new Dictionary<string, int>(StringComparer.Ordinal);
        int[] group = [.. Enumerable.Range(0, sources.Count)];
        for (int i = 0; i < sources.Count; i++)
        {
            foreach (string file in sources[i].Files)
                if (!byFile.TryAdd(file, group[i])) group[i] = byFile[file];
        }

        var counts = new (int Rows, long Tokens, long Trained)[sources.Count];
        for (int i = 0; i < examples.Examples.Count; i++)
        {
            var example = examples.Examples[i];
            if (!byFile.TryGetValue(data.Rows[examples.Rows[i]].Origin.File, out int source)) continue;
            ref var count = ref counts[source];
            count = (count.Rows + 1, count.Tokens + example.InputIds.Length, count.Trained + Example.CountTrained(example.Labels));
        }

        long rows = counts.Sum(count => (long)count.Rows), tokens = counts.Sum(count => count.Tokens);
        return
        [
            .. group.Distinct().Select(first => new SourceCount(
                string.Join(" and ", sources.Where((_, i) => group[i] == first).Select(source => source.Name)),
                counts[first].Rows, counts[first].Tokens, counts[first].Trained)
            {
                AllRows = rows,
                AllTokens = tokens,
            }),
        ];
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"from {Name}: {Rows} rows ({(double)Rows / AllRows:P1}), {Tokens} tokens ({(double)Tokens / AllTokens:P1}), trained {TrainedTokens}");
}
