using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training.Optimizers;

/// <summary>AdamW with clipping over all trained parameters: its moments, and the recorded program of an update. The ranks first add up
/// their gradients and afterwards have identical parameters, to the bit.</summary>
internal sealed class AdamWOptimizer : IDisposable
{
    /// <summary>Elements between the norms of two ranks: 16 bytes.</summary>
    private const int NormStride = 4;

    private readonly IBackend _backend;
    private readonly AdamWOptions _options;
    private readonly ICommunicator _communicator;
    private readonly MemoryRegion _moments;
    private readonly List<OptimizerBlock> _blocks = [];

    /// <summary>[4], fp32: the inputs of a step: its learning rate, the bias corrections c₁ = 1 − β₁ᵗ and c₂ = 1 − β₂ᵗ, and the factor of
    /// its gradients.</summary>
    private readonly Tensor _stepScalars;

    private readonly Tensor _norm;
    private readonly StepProgram _update;
    private readonly StepProgram _zero;

    /// <summary>Fp32 [ranks, 4]: norms of the parts that ranks own, and the program of this rank's norm; null if no parameter is
    /// divided.</summary>
    private readonly Tensor? _partNorms;

    private readonly StepProgram? _ownNorm;

    /// <summary>Allocates zero moments and records the update.</summary>
    /// <param name="blocks">Parameters, all with a gradient.</param>
    /// <param name="options">β₁, β₂, ε, weight decay.</param>
    /// <param name="maxGradNorm">Gradients of a larger norm are scaled down to it; 0 turns clipping off.</param>
    /// <param name="backend">The backend.</param>
    /// <param name="communicator">Connects the ranks that train together.</param>
    public AdamWOptimizer(
        IReadOnlyList<ParameterBlock> blocks, AdamWOptions options, float maxGradNorm, IBackend backend, ICommunicator communicator)
    {
        (_backend, _options, _communicator) = (backend, options, communicator);
        _moments = new MemoryRegion(backend.Memory, MemoryOwner.Optimizer);
        _update = new StepProgram(backend);
        _zero = new StepProgram(backend);
        try
        {
            _stepScalars = _moments.New("step_scalars", DType.Float32, 4);
            _norm = _moments.New("grad_norm", DType.Float32, 3);
            foreach (var block in blocks) _blocks.Add(new OptimizerBlock(block, communicator, _moments));
            HasLateValues = _blocks.Any(block => block.TableColumns > 0);
            (_partNorms, _ownNorm) = RecordOwnNorm();
            States = [.. _blocks.SelectMany(block => block.States(communicator))];
            RecordUpdate(maxGradNorm);
            RecordZero(blocks);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Every parameter with its moments, in the parameters' order.</summary>
    public IReadOnlyList<ParameterState> States { get; }

    /// <summary>All moments, in the order of a checkpoint's file.</summary>
    public IEnumerable<Moment> Moments => States.SelectMany<ParameterState, Moment>(state => [state.ExpAvg, state.ExpAvgSq]);

    /// <summary>Whether other ranks' values of a table may still be on their way after <see cref="Step"/>.</summary>
    public bool HasLateValues { get; }

    /// <summary>Whether they are on their way. Then only <see cref="FetchRows"/>' rows may be read of the tables until
    /// <see cref="EndGather"/>.</summary>
    public bool IsGathering { get; private set; }

    private bool IsAlone => _communicator.Ranks.WorldSize == 1;

    /// <summary>Clears all gradients, at the start of an optimizer step.</summary>
    public void ZeroGradients() => _zero.Run(_backend);

    /// <summary>Brings the rows of some token ids at once, for the embedding.</summary>
    /// <param name="ids">Int32.</param>
    public void FetchRows(Tensor ids)
    {
        foreach (var block in _blocks)
            if (block.TableColumns is > 0 and var columns) block.Values!.FetchRows(ids, columns);
    }

    /// <summary>Later work finds all values of all ranks. All ranks call it alike between the same two exchanges.</summary>
    public void EndGather()
    {
        if (!IsGathering) return;
        IsGathering = false;
        foreach (var block in _blocks)
            if (block.TableColumns > 0) block.Values!.EndGather();
    }

    /// <summary>Adds up the ranks' gradients, clips and applies them. The ranks' new values of tables are on their way afterwards: see
    /// <see cref="IsGathering"/>.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="step">1 for the first: the exponent of bias correction.</param>
    /// <param name="gradientScale">What all gradients are multiplied by.</param>
    /// <returns>The gradients' norm before clipping, and whether they were applied: if <see cref="AdamWOptions.Takes"/> refuses them,
    /// weights and moments do not change.</returns>
    public (float Norm, bool Applied) Step(double learningRate, int step, float gradientScale = 1)
    {
        Span<float> stepScalars =
        [
            (float)learningRate,
            (float)(1 - Math.Pow(_options.Beta1, step)),
            (float)(1 - Math.Pow(_options.Beta2, step)),
            gradientScale,
        ];
        _backend.Write<float>(stepScalars, _stepScalars);
        if (!IsAlone) AddGradients();
        _update.Run(_backend);
        if (_ownNorm is not null) BeginGather(); // before the wait for the norm, so that it is one for all of it
        Span<float> norm = stackalloc float[3];
        _backend.Read(_norm, norm);
        return (norm[0], AdamWOptions.Takes(norm[2]));
    }

    /// <summary>Copies rank 0's parameters to all ranks.</summary>
    public void ShareParameters(TrainedWeights weights)
    {
        if (IsAlone) return;
        foreach (var block in weights.Blocks) _communicator.Broadcast(block.Values, root: 0);
        weights.Fault.Forget();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in _blocks) block.Dispose();
        _ownNorm?.Dispose();
        _update.Dispose();
        _zero.Dispose();
        _moments.Dispose();
    }

    /// <summary>Records the norm of the parts that this rank owns, if any parameter is divided.</summary>
    private (Tensor? PartNorms, StepProgram? OwnNorm) RecordOwnNorm()
    {
        Tensor[] own = [.. _blocks.Select(block => block.Own?.Gradient).OfType<Tensor>()];
        if (own.Length == 0) return (null, null);
        var ranks = _communicator.Ranks;
        var partNorms = _moments.New("part_norms", DType.Float32, ranks.WorldSize * NormStride);
        var result = partNorms.Rows(ranks.Rank * NormStride, 3);
        var ownNorm = new StepProgram(_backend);
        ownNorm.Add(ops => ops.GradientNorm(own, maxNorm: 0, scale: null, result));
        ownNorm.Complete(_backend.Memory);
        return (partNorms, ownNorm);
    }

    private void RecordUpdate(float maxGradNorm)
    {
        List<Tensor> normed = [.. _blocks.Select(block => block.Shared?.Gradient).OfType<Tensor>()];
        for (int rank = 0; _partNorms is not null && rank < _communicator.Ranks.WorldSize; rank++)
            normed.Add(_partNorms.Rows(rank * NormStride, 1));
        var scale = _stepScalars.Rows(3, 1);
        _update.Add(ops => ops.GradientNorm(normed, maxGradNorm, scale, _norm));
        foreach (var block in _blocks)
        {
            var constants = _options with { WeightDecay = block.Decays ? _options.WeightDecay : 0 };
            if (block.Own is { } part) AddUpdate(part, constants);
            if (block.Shared is { } shared) AddUpdate(shared, constants);
        }

        _update.Complete(_backend.Memory);
    }

    private void RecordZero(IReadOnlyList<ParameterBlock> blocks)
    {
        foreach (var block in blocks)
        {
            var gradient = block.Gradients!;
            _zero.Add(ops => ops.Zero(gradient));
        }

        _zero.Complete(_backend.Memory);
    }

    private void AddUpdate(OptimizerBlock.Part part, AdamWOptions options) => _update.Add(ops =>
        ops.AdamW(part.Gradient, _norm, _stepScalars, options, part.Values, part.M, part.V));

    private void AddGradients()
    {
        foreach (var block in _blocks)
        {
            block.Gradient?.ReduceScatter();
            if (block.Shared is { } shared) _communicator.AllReduce(shared.Gradient);
        }

        if (_ownNorm is null) return;
        _ownNorm.Run(_backend);
        _communicator.AllGather(_partNorms!);
    }

    /// <summary>Layers need their values first of all in the next step, but the tables' whole only after the layers.</summary>
    private void BeginGather()
    {
        foreach (var block in _blocks) block.Values?.BeginGather();
        foreach (var block in _blocks)
            if (block.TableColumns == 0) block.Values?.EndGather();
        IsGathering = HasLateValues;
    }
}
