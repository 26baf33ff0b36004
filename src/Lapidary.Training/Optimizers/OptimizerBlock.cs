using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>A block of parameters as one rank updates it. LoRA's matrices are updated by every rank alike. The large matrix of a saved
/// module is cut: of each of a few pieces every rank has one part, which it alone updates and has the moments of; the few elements that do
/// not divide are updated by every rank.</summary>
/// <remarks>There are several pieces so that one is exchanged while the next is updated.</remarks>
internal sealed class OptimizerBlock
{
    /// <summary>Elements of a piece at least, 64 MiB, and the most pieces: smaller exchanges are slower, and more hide little more.</summary>
    internal const long PieceElements = 1 << 24;

    private const long MaxPieces = 4;

    /// <summary>Parts begin at multiples of so many elements: 256 bytes.</summary>
    private const long Alignment = 64;

    private readonly ParameterBlock _block;

    /// <summary>Cuts a block.</summary>
    /// <param name="block">Values and gradients.</param> <param name="ranks">Who shares it.</param> <param name="moments">Gives the
    /// moments.</param>
    /// <param name="pieceElements">Elements of a piece at least.</param>
    public OptimizerBlock(ParameterBlock block, RankGroup ranks, MemoryRegion moments, long pieceElements = PieceElements)
    {
        _block = block;
        Tensor values = block.Values, gradient = block.Gradients!;
        int worldSize = ranks.WorldSize;
        bool isCut = worldSize > 1 && block.Parameters.Count == 1;
        long unit = worldSize * Alignment, pieces = Math.Clamp(values.Count / pieceElements, 1, MaxPieces);
        long length = isCut ? values.Count / pieces / unit * unit : 0;
        for (long piece = 0; length > 0 && piece < pieces; piece++)
        {
            long first = piece * length, count = piece + 1 < pieces ? length : (values.Count - first) / unit * unit;
            Tensor some = values.Rows(first, count), theirs = gradient.Rows(first, count);
            Cut.Add(new Piece(
                some, theirs, Part.New(Shard.Of(some, ranks.Rank, worldSize), Shard.Of(theirs, ranks.Rank, worldSize), moments)));
        }

        long cut = Cut.Sum(piece => piece.Values.Count);
        if (cut == 0) Shared = Part.New(values, gradient, moments);
        else if (cut < values.Count)
            Shared = Part.New(values.Rows(cut, values.Count - cut), gradient.Rows(cut, gradient.Count - cut), moments);
    }

    /// <summary>What is cut, in order; empty for nothing.</summary>
    public List<Piece> Cut { get; } = [];

    /// <summary>What every rank updates, behind the pieces.</summary>
    public Part? Shared { get; }

    /// <summary>The moments of each parameter, in order.</summary>
    public IEnumerable<ParameterState> States(ICommunicator communicator) => _block.Parameters.Select((parameter, i) => new ParameterState(
        parameter, Moment(i, ".exp_avg", part => part.M, communicator), Moment(i, ".exp_avg_sq", part => part.V, communicator)));

    private Moment Moment(int parameter, string suffix, Func<Part, Tensor> of, ICommunicator communicator)
    {
        var like = _block.Parameters[parameter];
        string name = like.Name + suffix;
        return Cut.Count == 0
            ? new Moment(_block.ViewLike(parameter, of(Shared!), name), communicator)
            : new Moment(
                name, like.Value.Shape, [.. Cut.Select(piece => (of(piece.Own), piece.Gradient))], Shared is null ? null : of(Shared),
                communicator);
    }

    /// <summary>A piece of what is cut.</summary>
    /// <param name="Values">Of all ranks, flat.</param> <param name="Gradient">Of all ranks, flat.</param> <param name="Own">This rank's
    /// part.</param>
    internal sealed record Piece(Tensor Values, Tensor Gradient, Part Own);

    /// <summary>What is updated in one call, flat.</summary>
    /// <param name="Values">Parameters.</param> <param name="Gradient">Their gradient.</param> <param name="M">First moment.</param>
    /// <param name="V">Second moment.</param>
    internal sealed record Part(Tensor Values, Tensor Gradient, Tensor M, Tensor V)
    {
        public static Part New(Tensor values, Tensor gradient, MemoryRegion moments) => new(
            values, gradient, moments.New("exp_avg", DType.Float32, values.Count), moments.New("exp_avg_sq", DType.Float32, values.Count));
    }
}

/// <summary>A parameter and its moments, torch's names exp_avg and exp_avg_sq.</summary>
internal sealed record ParameterState(Parameter Parameter, Moment ExpAvg, Moment ExpAvgSq);
