namespace Lapidary.Engine;

/// <summary>Where a backward step writes a gradient, and whether it adds to it.</summary>
public readonly record struct GradientSlot(Tensor Tensor, bool Add);

/// <summary>Records the forward calls of a model into a <see cref="StepProgram"/> and, when it rewinds, the backward calls.</summary>
/// <remarks>The rule for gradients: the first backward step that reaches a tensor overwrites its gradient; later ones add; gradients of
/// <see cref="Parameter"/>s are zeroed by the trainer and always added to. A tensor has a gradient only if it depends on a trained
/// parameter, so frozen parts cost no backward work.</remarks>
public sealed class Tape
{
    private readonly StepProgram _program;
    private readonly Dictionary<Tensor, Tensor> _gradients;
    private readonly HashSet<Tensor> _differentiable;
    private readonly Stack<(Tensor[] Outputs, Action<Tensor[]> Backward)> _steps = [];
    private readonly bool _records;

    /// <summary>Records into <paramref name="program"/>.</summary>
    /// <param name="program">Receives the calls.</param>
    /// <param name="training">False for inference: no backward step is kept.</param>
    public Tape(StepProgram program, bool training) : this(program, training, training, [], [])
    {
    }

    private Tape(StepProgram program, bool training, bool records, Dictionary<Tensor, Tensor> gradients, HashSet<Tensor> differentiable)
    {
        Training = training;
        (_program, _records, _gradients, _differentiable) = (program, records, gradients, differentiable);
    }

    /// <summary>Whether the step trains. If so, dropout applies, also in passes whose backward steps are not kept.</summary>
    public bool Training { get; }

    /// <summary>Whether projections are computed by <see cref="IOps.ProjectRows"/>, for a step that decodes. Inference only.</summary>
    public bool HasIndependentRows { get; init; }

    /// <summary>Whether the step stores tokens of prompts: no row's bits may depend on the number of rows. Inference only.</summary>
    public bool IsPrompt { get; init; }

    /// <summary>Type of activations.</summary>
    public DType ActivationDType => _program.ActivationDType;

    /// <summary>Type of the residual stream.</summary>
    public DType ResidualDType => _program.ResidualDType;

    /// <summary>A new activation of the backend's type.</summary>
    public Tensor New(params ReadOnlySpan<long> shape) => _program.New(ActivationDType, shape);

    /// <summary>A new buffer of another type.</summary>
    public Tensor New(DType dtype, params ReadOnlySpan<long> shape) => _program.New(dtype, shape);

    /// <summary>Records a forward or backward call.</summary>
    public void Run(Action<IOps> call) => _program.Add(call);

    /// <summary>Whether a gradient will be formed for <paramref name="tensor"/>.</summary>
    public bool NeedsGradient(Tensor tensor) => _records && _differentiable.Contains(tensor);

    /// <summary>Adds a backward step: when the tape rewinds, <paramref name="backward"/> receives the gradient of
    /// <paramref name="output"/>.</summary>
    public void OnBackward(Tensor output, Action<Tensor> backward) => OnBackward([output], gradients => backward(gradients[0]));

    /// <summary>Adds a backward step for several outputs, of which either all have a gradient or none.</summary>
    public void OnBackward(Tensor[] outputs, Action<Tensor[]> backward)
    {
        if (!_records) return;
        _differentiable.UnionWith(outputs);
        _steps.Push((outputs, backward));
    }

    /// <summary>The place for the gradient of <paramref name="tensor"/>.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="dtype">Type of the gradient, the same for all that write it; null for the tensor's.</param>
    public GradientSlot Gradient(Tensor tensor, DType? dtype = null)
    {
        if (_gradients.TryGetValue(tensor, out var gradient)) return new GradientSlot(gradient, Add: true);
        gradient = _program.New(dtype ?? tensor.DType, tensor.Shape);
        _gradients.Add(tensor, gradient);
        return new GradientSlot(gradient, Add: false);
    }

    /// <summary>The place for the gradient of a tensor that nothing else uses, hence overwritten.</summary>
    /// <exception cref="InvalidOperationException">Another operation has already written a gradient for it.</exception>
    public Tensor OnlyGradient(Tensor tensor)
    {
        var (gradient, add) = Gradient(tensor);
        return add ? throw new InvalidOperationException($"{tensor} is used by more than one operation.") : gradient;
    }

    /// <summary>Passes <paramref name="gradient"/>, which its owner no longer needs, to <paramref name="tensor"/>; without a copy if it is
    /// the first one.</summary>
    public void PassGradient(Tensor tensor, Tensor gradient)
    {
        if (_gradients.TryGetValue(tensor, out var there)) Run(ops => ops.Add(gradient, there));
        else _gradients.Add(tensor, gradient);
    }

    /// <summary>Runs <paramref name="block"/>, keeps only its input, and runs it again in the backward pass (gradient checkpointing,
    /// arXiv:1604.06174).</summary>
    public Tensor Recompute(Tensor input, Func<Tape, Tensor, Tensor> block)
    {
        if (!_records) return block(this, input);
        var output = block(new Tape(_program, Training, records: false, [], []), input);
        OnBackward(output, dOutput =>
        {
            var again = new Tape(_program, Training, records: true, _gradients, _differentiable);
            again._gradients[block(again, input)] = dOutput;
            again.Rewind();
        });
        return output;
    }

    /// <summary>Records the backward calls of all steps, last first.</summary>
    public void Rewind()
    {
        while (_steps.TryPop(out var step))
        {
            Tensor[] gradients = [.. step.Outputs.Where(_gradients.ContainsKey).Select(output => _gradients[output])];
            foreach (var output in step.Outputs) _gradients.Remove(output);
            if (gradients.Length == step.Outputs.Length) step.Backward(gradients);
            else if (gradients.Length > 0)
                throw new InvalidOperationException($"Only some outputs have a gradient: {string.Join<Tensor>(", ", step.Outputs)}.");
        }
    }
}
