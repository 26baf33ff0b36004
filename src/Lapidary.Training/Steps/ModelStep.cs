using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training.Data.Packing;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Steps;

/// <summary>A micro-batch with a fixed number of tokens and a largest number of labels, recorded once and replayed: forward and loss, and
/// in training the backward steps, which add to the gradients of the trained weights.</summary>
internal sealed class ModelStep : IDisposable
{
    private readonly IBackend _backend;
    private readonly MemoryRegion _region;
    private readonly StepProgram _program;
    private readonly StepInputs _inputs;
    private readonly Tensor _labels;
    private readonly Tensor _lossScale;
    private readonly Tensor _losses;
    private readonly Tensor _hits;
    private readonly float[] _lossValues;
    private readonly float[] _hitValues;

    /// <summary>Records the step. It can run after <see cref="Complete"/> has given it memory.</summary>
    /// <param name="model">The model to record.</param>
    /// <param name="backend">Provides the memory and runs the step.</param>
    /// <param name="tokens">Number of tokens in a batch.</param>
    /// <param name="maxLabels">Largest number of trained tokens in a batch.</param>
    /// <param name="training">Whether to record backward steps.</param>
    /// <param name="recomputedLayers">Layers recomputed in the backward pass.</param>
    /// <param name="maxLogitsBytes">Bytes of logits held at a time.</param>
    /// <param name="waitsForTables">Whether the tables of embedding and head may come in whole only after the layers.</param>
    public ModelStep(
        GemmaModel model, IBackend backend, int tokens, int maxLabels, bool training, int recomputedLayers, long maxLogitsBytes,
        bool waitsForTables)
    {
        _backend = backend;
        _region = new MemoryRegion(_backend.Memory, MemoryOwner.Inputs);
        _inputs = StepInputs.Allocate(_region, tokens);
        _labels = _region.New("labels", DType.Int32, tokens);
        _lossScale = _region.New("loss_scale", DType.Float32, 1);
        _losses = _region.New("losses", DType.Float32, tokens);
        _hits = _region.New("hits", DType.Float32, tokens);
        (_lossValues, _hitValues) = (new float[tokens], new float[tokens]);

        _program = new StepProgram(backend);
        var tape = new Tape(_program, training);
        var h = model.Forward(tape, _inputs, recomputedLayers: training ? recomputedLayers : 0);
        if (waitsForTables) _program.Cut();
        var dHead = training ? model.Trained?.Head?.Gradient : null;
        Ops.LinearCrossEntropy(tape, h, model.Head, _labels, _lossScale, _losses, _hits, dHead, maxLabels, maxLogitsBytes);
        tape.Rewind();
    }

    /// <summary>Bytes of activations.</summary>
    public long ArenaBytes => _program.ArenaBytes;

    /// <summary>Places the activations in an arena of at least <see cref="ArenaBytes"/>.</summary>
    public void Complete(Arena arena) => _program.Complete(arena);

    /// <summary>Runs the step.</summary>
    /// <param name="batch">Exactly the recorded number of tokens, and at most the recorded number of labels.</param>
    /// <param name="lossScale">What the gradient of each trained token's loss begins with.</param>
    /// <param name="optimizer">Whose tables may still be on their way; null if none are.</param>
    public StepResult Run(Batch batch, float lossScale, AdamWOptimizer? optimizer = null)
    {
        Write(batch, lossScale);
        if (optimizer is { IsGathering: true }) Replay(optimizer);
        else Replay();
        _backend.Read<float>(_losses, _lossValues);
        _backend.Read<float>(_hits, _hitValues);

        double loss = 0, hits = 0;
        for (int i = 0; i < _lossValues.Length; i++)
        {
            loss += _lossValues[i];
            hits += _hitValues[i];
        }

        return new StepResult(loss, (long)hits);
    }

    /// <summary>Runs the step on the current inputs.</summary>
    public void Replay() => _program.Run(_backend);

    /// <summary>Runs the layers while the tables come in, of which they need the rows of their ids.</summary>
    private void Replay(AdamWOptimizer optimizer)
    {
        optimizer.FetchRows(_inputs.Ids);
        _program.RunSection(_backend, 0);
        optimizer.EndGather();
        _program.RunSection(_backend, 1);
    }

    /// <summary>Runs the step once more, call by call, to find where it left the finite numbers.</summary>
    /// <param name="batch">As for <see cref="Run"/>.</param>
    /// <param name="lossScale">As for <see cref="Run"/>.</param>
    /// <returns>The first place, for an error; null if all values are finite.</returns>
    public string? FindNonFinite(Batch batch, float lossScale)
    {
        Write(batch, lossScale);
        return _program.FindNonFinite(_backend);
    }

    private void Write(Batch batch, float lossScale)
    {
        _backend.Write<int>(batch.Ids, _inputs.Ids);
        _backend.Write<int>(batch.Positions, _inputs.Positions);
        _backend.Write<int>(batch.DocumentStarts, _inputs.DocumentStarts);
        _backend.Write<int>(batch.Labels, _labels);
        _backend.Write<float>([lossScale], _lossScale);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _region.Dispose();
    }
}

/// <summary>The result of a micro-batch.</summary>
/// <param name="LossSum">Sum over trained tokens, in nats.</param>
/// <param name="Hits">Trained tokens whose label has the largest logit.</param>
internal readonly record struct StepResult(double LossSum, long Hits);
