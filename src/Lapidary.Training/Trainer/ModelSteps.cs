using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>The recorded steps of a run, one per number of tokens, in one arena as large as the largest needs.</summary>
/// <param name="model">What is recorded.</param> <param name="backend">Gives the memory and runs the steps.</param>
/// <param name="training">Whether there are backward steps.</param> <param name="recomputedLayers">Layers computed again on the way back.</param>
/// <param name="maxLogitsBytes">Logits held at a time.</param>
internal sealed class ModelSteps(GemmaModel model, IBackend backend, bool training, int recomputedLayers, long maxLogitsBytes) : IDisposable
{
    private readonly Dictionary<int, ModelStep> _steps = [];
    private Arena? _arena;

    /// <summary>Steps that compute the loss alone.</summary>
    public static ModelSteps ForEvaluation(GemmaModel model, IBackend backend) =>
        new(model, backend, training: false, recomputedLayers: 0, LogitsMemory.LeanBytes);

    /// <summary>The step for batches of <paramref name="tokens"/> tokens.</summary>
    public ModelStep For(int tokens)
    {
        if (_steps.TryGetValue(tokens, out var step)) return step;
        step = new ModelStep(model, backend, tokens, training, recomputedLayers, maxLogitsBytes);
        if (_arena is null || step.ArenaBytes > _arena.LengthBytes)
        {
            Dispose(); // steps laid out in the smaller arena are recorded again when they are next needed
            _arena = new Arena(backend.Memory, step.ArenaBytes);
        }

        step.Complete(_arena);
        _steps.Add(tokens, step);
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
