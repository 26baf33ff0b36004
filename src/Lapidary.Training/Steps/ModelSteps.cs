using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training.Data.Packing;

namespace Lapidary.Training.Steps;

/// <summary>The recorded steps of a run, one per number of tokens and share of labels, in one arena of the largest size needed.</summary>
/// <param name="model">The model to record.</param>
/// <param name="backend">Provides the memory and runs the steps.</param>
/// <param name="training">Whether to record backward steps.</param>
/// <param name="recomputedLayers">Layers recomputed in the backward pass.</param>
/// <param name="maxLogitsBytes">Bytes of logits held at a time.</param>
/// <param name="waitsForTables">Whether the tables of embedding and head may come in whole only after the layers.</param>
internal sealed class ModelSteps(
    GemmaModel model, IBackend backend, bool training, int recomputedLayers, long maxLogitsBytes, bool waitsForTables) : IDisposable
{
    /// <summary>Number of label shares that steps are recorded for: quarters of the tokens. The head's products take the time of the next
    /// larger share, and few programs serve all batches.</summary>
    private const int Shares = 4;

    private readonly Dictionary<(int Tokens, int MaxLabels), ModelStep> _steps = [];
    private Arena? _arena;

    /// <summary>Creates steps that only compute the loss.</summary>
    public static ModelSteps ForEvaluation(GemmaModel model, IBackend backend) =>
        new(model, backend, training: false, recomputedLayers: 0, LogitsMemory.LeanBytes, waitsForTables: false);

    /// <summary>The step for a batch.</summary>
    public ModelStep For(Batch batch) => For(batch.Tokens, batch.TrainedTokens);

    /// <summary>The step for batches of <paramref name="tokens"/> tokens, <paramref name="labels"/> of which are trained.</summary>
    public ModelStep For(int tokens, int labels)
    {
        int share = Math.Max(1, (int)(((long)labels * Shares + tokens - 1) / tokens));
        int maxLabels = (int)(((long)tokens * share + Shares - 1) / Shares);
        if (_steps.TryGetValue((tokens, maxLabels), out var step)) return step;
        step = new ModelStep(model, backend, tokens, maxLabels, training, recomputedLayers, maxLogitsBytes, waitsForTables);
        if (_arena is null || step.ArenaBytes > _arena.LengthBytes)
        {
            Dispose(); // steps laid out in the smaller arena are recorded again when they are next needed
            _arena = new Arena(backend.Memory, step.ArenaBytes);
        }

        step.Complete(_arena);
        _steps.Add((tokens, maxLabels), step);
        return step;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var step in _steps.Values) step.Dispose();
        _steps.Clear();
        _arena?.Dispose();
        _arena = null;
    }
}
