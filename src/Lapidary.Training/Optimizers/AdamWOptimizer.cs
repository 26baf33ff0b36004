using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>AdamW with clipping over all trained parameters: its moments, and the recorded program of one update.</summary>
internal sealed class AdamWOptimizer : IDisposable
{
    private readonly IBackend _backend;
    private readonly AdamWOptions _options;
    private readonly MemoryRegion _moments;

    /// <summary>[3], fp32: what a step gets: its learning rate, and the bias corrections c₁ = 1 − β₁ᵗ and c₂ = 1 − β₂ᵗ.</summary>
    private readonly Tensor _stepScalars;

    private readonly Tensor _norm;
    private readonly StepProgram _update;
    private readonly StepProgram _zero;

    /// <summary>Allocates the moments, zero, and records the update.</summary>
    /// <param name="blocks">Parameters, all with a gradient.</param> <param name="options">β₁, β₂, ε, weight decay.</param>
    /// <param name="maxGradNorm">Gradients of a larger norm are scaled down to it; 0 for never.</param> <param name="backend">Does the
    /// work.</param>
    public AdamWOptimizer(IReadOnlyList<ParameterBlock> blocks, AdamWOptions options, float maxGradNorm, IBackend backend)
    {
        (_backend, _options) = (backend, options);
        _moments = new MemoryRegion(backend.Memory, MemoryOwner.Optimizer);
        _stepScalars = _moments.New("step_scalars", DType.Float32, 3);
        _norm = _moments.New("grad_norm", DType.Float32, 2);
        _update = new StepProgram(backend.ActivationDType);
        _zero = new StepProgram(backend.ActivationDType);
        Tensor[] gradients = [.. blocks.Select(block => block.Gradients!)];
        _update.Add(ops => ops.GradientNorm(gradients, maxGradNorm, _norm));
        var states = new List<State>();
        foreach (var block in blocks)
        {
            Tensor values = block.Values, gradient = block.Gradients!;
            Tensor m = _moments.New("exp_avg", DType.Float32, values.Count), v = _moments.New("exp_avg_sq", DType.Float32, values.Count);
            _update.Add(ops => ops.AdamW(gradient, _norm, _stepScalars, _options, values, m, v));
            _zero.Add(ops => ops.Zero(gradient));
            states.AddRange(block.Parameters.Select((parameter, i) => new State(
                parameter, block.ViewLike(i, m, parameter.Name + ".exp_avg"), block.ViewLike(i, v, parameter.Name + ".exp_avg_sq"))));
        }

        States = states;
        _update.Complete(backend.Memory);
        _zero.Complete(backend.Memory);
    }

    /// <summary>Every parameter with its moments, in the parameters' order.</summary>
    public IReadOnlyList<State> States { get; }

    /// <summary>Clears all gradients; the start of an optimizer step.</summary>
    public void ZeroGradients() => _zero.Run(_backend);

    /// <summary>Clips and applies the gradients.</summary>
    /// <param name="learningRate">Of this step.</param> <param name="step">1 for the first: the exponent of bias correction.</param>
    /// <returns>The gradients' norm before clipping, and whether they were applied: where <see cref="AdamWOptions.Takes"/> refuses them,
    /// weights and moments are those of the step before.</returns>
    public (float Norm, bool Applied) Step(double learningRate, int step)
    {
        Span<float> stepScalars =
        [
            (float)learningRate,
            (float)(1 - Math.Pow(_options.Beta1, step)),
            (float)(1 - Math.Pow(_options.Beta2, step)),
        ];
        _backend.Write<float>(stepScalars, _stepScalars);
        _update.Run(_backend);
        Span<float> norm = stackalloc float[2];
        _backend.Read(_norm, norm);
        return (norm[0], AdamWOptions.Takes(norm[0], norm[1]));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _update.Dispose();
        _zero.Dispose();
        _moments.Dispose();
    }

    /// <summary>A parameter and its moments, torch's names exp_avg and exp_avg_sq.</summary>
    public sealed record State(Parameter Parameter, Tensor ExpAvg, Tensor ExpAvgSq);
}
