using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>The recorded steps of a run, one per number of tokens, in one arena as large as the largest needs.</summary>
internal sealed class ModelSteps(GemmaModel model, bool training, bool gradientCheckpointing) : IDisposable
{
    private readonly Dictionary<int, ModelStep> _steps = [];
    private Arena? _arena;

    /// <summary>Bytes of the arena so far.</summary>
    public long ArenaBytes => _arena?.LengthBytes ?? 0;

    /// <summary>The step for batches of <paramref name="tokens"/> tokens.</summary>
    public ModelStep For(int tokens)
    {
        if (_steps.TryGetValue(tokens, out var step)) return step;
        step = new ModelStep(model, tokens, training, gradientCheckpointing);
        if (step.ArenaBytes > ArenaBytes)
        {
            Dispose(); // steps laid out in the smaller arena are recorded again when they are next needed
            _arena = new Arena(model.Backend.Memory, step.ArenaBytes);
        }

        step.Complete(_arena!);
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
