using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>A block of parameters as one rank updates it. Every rank updates all of a block that is not divisible, such as LoRA's matrices.
/// Any other block is divided into one part per rank; only that rank updates the part and has its moments. Every rank updates the few
/// remaining elements.</summary>
internal sealed class OptimizerBlock : IDisposable
{
    /// <summary>Parts begin at multiples of this number of elements: 256 bytes.</summary>
    private const long Alignment = 64;

    private readonly ParameterBlock _block;
    private readonly Tensor? _cutGradient;

    public OptimizerBlock(ParameterBlock block, ICommunicator communicator, MemoryRegion moments)
    {
        _block = block;
        Tensor values = block.Values, gradient = block.Gradients!;
        var ranks = communicator.Ranks;
        int worldSize = ranks.WorldSize;
        long unit = worldSize * Alignment, cut = worldSize > 1 && block.IsDivisible ? values.Count / unit * unit : 0;
        if (cut > 0)
        {
            Tensor cutValues = values.Rows(0, cut);
            _cutGradient = gradient.Rows(0, cut);
            Own = Part.New(Shard.Of(cutValues, ranks.Rank, worldSize), Shard.Of(_cutGradient, ranks.Rank, worldSize), moments);
        }

        if (cut == 0) Shared = Part.New(values, gradient, moments);
        else if (cut < values.Count)
            Shared = Part.New(values.Rows(cut, values.Count - cut), gradient.Rows(cut, gradient.Count - cut), moments);
        if (_cutGradient is null) return;

        // Last, so that nothing is left open if memory is short.
        Values = communicator.Divide(values.Rows(0, cut));
        try
        {
            Gradient = communicator.Divide(_cutGradient);
        }
        catch
        {
            Values.Dispose();
            throw;
        }
    }

    /// <summary>Whether weight decay applies.</summary>
    public bool Decays => _block.Decays;

    /// <summary>Columns of a table whose values may come to the other ranks while the next step's layers run; 0 if the step reads them
    /// before that, or they are not divided.</summary>
    public int TableColumns => Values is not null && _block.IsTokenTable ? checked((int)_block.Parameters[0].Value.Shape[1]) : 0;

    /// <summary>The divided values and gradients of all ranks; null if there are none.</summary>
    public IDividedTensor? Values { get; }

    /// <inheritdoc cref="Values"/>
    public IDividedTensor? Gradient { get; }

    /// <summary>This rank's part of them.</summary>
    public Part? Own { get; }

    /// <summary>The parameters that every rank updates.</summary>
    public Part? Shared { get; }

    /// <summary>The moments of each parameter, in order.</summary>
    public IEnumerable<ParameterState> States(ICommunicator communicator) => _block.Parameters.Select((parameter, i) => new ParameterState(
        parameter, Moment(i, ".exp_avg", part => part.M, communicator), Moment(i, ".exp_avg_sq", part => part.V, communicator)));

    /// <inheritdoc/>
    public void Dispose()
    {
        Values?.Dispose();
        Gradient?.Dispose();
    }

    private Moment Moment(int parameter, string suffix, Func<Part, Tensor> of, ICommunicator communicator)
    {
        var like = _block.Parameters[parameter];
        string name = like.Name + suffix;
        return Own is null
            ? new Moment(_block.ViewLike(parameter, of(Shared!), name), communicator)
            : new Moment(
                name, like.Value.Shape, _block.OffsetOf(parameter), of(Own), Shared is null ? null : of(Shared), _cutGradient!,
                communicator);
    }

    /// <summary>The arrays of one update call, flat.</summary>
    /// <param name="Values">Parameters.</param>
    /// <param name="Gradient">Their gradient.</param>
    /// <param name="M">First moment.</param>
    /// <param name="V">Second moment.</param>
    internal sealed record Part(Tensor Values, Tensor Gradient, Tensor M, Tensor V)
    {
        public static Part New(Tensor values, Tensor gradient, MemoryRegion moments) => new(
            values, gradient, moments.New("exp_avg", DType.Float32, values.Count), moments.New("exp_avg_sq", DType.Float32, values.Count));
    }
}

/// <summary>A parameter and its moments, in torch's names exp_avg and exp_avg_sq.</summary>
internal sealed record ParameterState(Parameter Parameter, Moment ExpAvg, Moment ExpAvgSq);
