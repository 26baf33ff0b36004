using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Models;

/// <summary>The values of an adapter that ranks exchange.</summary>
/// <param name="Lora">Number of LoRA values, including gaps between matrices.</param>
/// <param name="Saved">Number of values of each module that is saved whole.</param>
internal sealed record TrainedValues(long Lora, IReadOnlyList<long> Saved)
{
    /// <summary>Counts the values of an adapter; a tied embedding and head count once.</summary>
    public static TrainedValues Of(Adapter adapter)
    {
        long[] saved =
            [.. new[] { adapter.Embedding, adapter.Head }.OfType<Parameter>().Distinct().Select(matrix => matrix.Value.Count)];
        return new(adapter.Blocks.Sum(block => block.Values.Count) - saved.Sum(), saved);
    }
}
