using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>A block of parameters as one rank updates it. LoRA's matrices are updated by every rank alike. The large matrix of a saved
/// module is cut in one part for each rank, which alone updates it and has its moments; the few elements that do not divide are updated by
/// every rank.</summary>
internal sealed class OptimizerBlock
{
    /// <summary>Parts begin at multiples of so many elements: 256 bytes.</summary>
    private const long Alignment = 64;

    private readonly ParameterBlock _block;

    public OptimizerBlock(ParameterBlock block, RankGroup ranks, MemoryRegion moments)
    {
        _block = block;
        Tensor values = block.Values, gradient = block.Gradients!;
        int worldSize = ranks.WorldSize;
        long unit = worldSize * Alignment, cut = worldSize > 1 && block.Parameters.Count == 1 ? values.Count / unit * unit : 0;
        if (cut > 0)
        {
            (CutValues, CutGradient) = (values.Rows(0, cut), gradient.Rows(0, cut));
            Own = Part.New(Shard.Of(CutValues, ranks.Rank, worldSize), Shard.Of(CutGradient, ranks.Rank, worldSize), moments);
        }

        if (cut == 0) Shared = Part.New(values, gradient, moments);
        else if (cut < values.Count)
            Shared = Part.New(values.Rows(cut, values.Count - cut), gradient.Rows(cut, gradient.Count - cut), moments);
    }

    /// <summary>The values and gradients that are cut, of all ranks; null where none are.</summary>
    public Tensor? CutValues { get; }

    /// <inheritdoc cref="CutValues"/>
    public Tensor? CutGradient { get; }

    /// <summary>This rank's part of them.</summary>
    public Part? Own { get; }

    /// <summary>What every rank updates.</summary>
    public Part? Shared { get; }

    /// <summary>The moments of each parameter, in order.</summary>
    public IEnumerable<ParameterState> States(ICommunicator communicator) => _block.Parameters.Select((parameter, i) => new ParameterState(
        parameter, Moment(i, ".exp_avg", part => part.M, communicator), Moment(i, ".exp_avg_sq", part => part.V, communicator)));

    private Moment Moment(int parameter, string suffix, Func<Part, Tensor> of, ICommunicator communicator)
    {
        var like = _block.Parameters[parameter];
        string name = like.Name + suffix;
        return Own is null
            ? new Moment(_block.ViewLike(parameter, of(Shared!), name), communicator)
            : new Moment(name, like.Value.Shape, of(Own), Shared is null ? null : of(Shared), CutGradient!, communicator);
    }

    /// <summary>What is updated in one call, flat.</summary>
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

/// <summary>A parameter and its moments, torch's names exp_avg and exp_avg_sq.</summary>
internal sealed record ParameterState(Parameter Parameter, Moment ExpAvg, Moment ExpAvgSq);
