using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Runs;

/// <summary>What ranks exchange of an adapter.</summary>
/// <param name="Lora">Values of LoRA's matrices, with what lies between them.</param>
/// <param name="Saved">Values of each module that is saved whole.</param>
internal sealed record TrainedValues(long Lora, IReadOnlyList<long> Saved)
{
    /// <summary>Counts an adapter's; a tied embedding and head are one.</summary>
    public static TrainedValues Of(Adapter adapter)
    {
        long[] saved =
            [.. new[] { adapter.Embedding, adapter.Head }.OfType<Parameter>().Distinct().Select(matrix => matrix.Value.Count)];
        return new(adapter.Blocks.Sum(block => block.Values.Count) - saved.Sum(), saved);
    }
}
