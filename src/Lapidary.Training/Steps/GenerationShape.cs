using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Model;

namespace Lapidary.Training.Steps;

/// <summary>The texts that a rank generates at a time at an evaluation.</summary>
/// <param name="Texts">Their number; 0 if nothing is generated.</param>
/// <param name="Length">Most tokens of a prompt and its text together.</param>
internal readonly record struct GenerationShape(int Texts, int Length)
{
    /// <summary>Largest share of a run's memory for the keys and values of the texts: training has the rest.</summary>
    private const double MemoryShare = 0.1;

    /// <summary>As many texts at a time as the device works on efficiently, or fewer if their memory would be too large.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">Number of texts over all ranks.</param>
    /// <param name="length">Most tokens of a prompt and its text together.</param>
    /// <param name="ranks">Number of ranks.</param>
    /// <param name="budgetBytes">Memory of a rank.</param>
    public static GenerationShape Of(GemmaModel model, int texts, int length, int ranks, long budgetBytes)
    {
        if (texts <= 0 || length <= 0) return default;
        length = Math.Min(length, model.Config.MaxPositionEmbeddings);
        int atATime = Math.Min(model.Backend.EfficientTexts, (texts + ranks - 1) / ranks);
        while (atATime > 1 && BytesOf(atATime) > MemoryShare * budgetBytes) atATime /= 2;
        return new GenerationShape(atATime, length);

        long BytesOf(int slots) => KvCache.LengthBytesOf(model, slots, length, CachedSteps.MaxPieceLength);
    }

    /// <summary>The shape of a run whose rows are unknown.</summary>
    public static GenerationShape OfFullRows(GemmaModel model, SftConfig config, int ranks, long budgetBytes) => config.HasMetric
        ? Of(
            model, config.EvalMetricRows > 0 ? config.EvalMetricRows : int.MaxValue - ranks,
            config.MaxLength + config.EvalMaxNewTokens, ranks, budgetBytes)
        : default;

    /// <summary>The shape of a run with a metric; nothing is generated without one.</summary>
    public static GenerationShape Of(GemmaModel model, IEvaluationMetric? metric, int ranks, long budgetBytes) =>
        Of(model, metric?.Texts ?? 0, metric?.TextLength ?? 0, ranks, budgetBytes);
}
