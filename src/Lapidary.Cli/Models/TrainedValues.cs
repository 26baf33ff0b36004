using Lapidary.Gemma;

namespace Lapidary.Cli.Models;

/// <summary>The trained values that ranks exchange.</summary>
/// <param name="Lora">Number of values that every rank updates, LoRA's, including gaps between matrices.</param>
/// <param name="Saved">Number of values of each block that ranks divide: a module that is saved whole, or a part of a model whose weights
/// are all trained.</param>
internal sealed record TrainedValues(long Lora, IReadOnlyList<long> Saved)
{
    /// <summary>Number of those of <see cref="Saved"/> that are tables of token ids, whose new values a step can read late.</summary>
    public long InTables { get; private init; }

    /// <summary>Counts the values; a tied embedding and head count once.</summary>
    public static TrainedValues Of(TrainedWeights weights)
    {
        long[] saved = [.. weights.Blocks.Where(block => block.IsDivisible)
            .Select(block => block.Parameters.Sum(parameter => parameter.Value.Count))];
        return new(weights.Blocks.Sum(block => block.Values.Count) - saved.Sum(), saved)
        {
            InTables = weights.Blocks.Where(block => block.IsTokenTable)
                .Sum(block => block.Parameters.Sum(parameter => parameter.Value.Count)),
        };
    }
}
