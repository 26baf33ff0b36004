using Lapidary.Engine;

namespace Lapidary.Training.Optimizers;

/// <summary>A moment of one parameter: complete on every rank, or divided among the ranks. <see cref="Collect"/> and <see cref="Spread"/>
/// go through its elements in order; all ranks call them alike.</summary>
internal sealed class Moment
{
    /// <summary>Elements per transfer between ranks.</summary>
    private const long PieceElements = 1 << 24;

    private readonly ICommunicator _communicator;
    private readonly long[] _shape;
    private readonly long _offset;
    private readonly Tensor? _own;
    private readonly Tensor? _shared;
    private readonly Tensor? _buffer;

    /// <summary>Creates a moment that every rank has completely.</summary>
    public Moment(Tensor whole, ICommunicator communicator) =>
        (Name, Whole, _shape, _communicator) = (whole.Name, whole, whole.Shape.ToArray(), communicator);

    /// <summary>Creates a divided moment.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Shape of the parameter.</param>
    /// <param name="offset">Index of its first element in the block of parameters.</param>
    /// <param name="own">This rank's part of the block.</param>
    /// <param name="shared">The block's elements after the parts, which every rank has; null for none.</param>
    /// <param name="buffer">Memory as large as all parts together for other ranks' elements: the gradients, which are unused between two
    /// steps.</param>
    /// <param name="communicator">Connects the ranks.</param>
    public Moment(
        string name, ReadOnlySpan<long> shape, long offset, Tensor own, Tensor? shared, Tensor buffer, ICommunicator communicator) =>
        (Name, _shape, _offset, _own, _shared, _buffer, _communicator) =
            (name, shape.ToArray(), offset, own, shared, buffer, communicator);

    /// <summary>Its name in a file.</summary>
    public string Name { get; }

    /// <summary>The parameter's shape.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>The moment if every rank has it completely, else null.</summary>
    public Tensor? Whole { get; }

    private int Rank => _communicator.Ranks.Rank;

    /// <summary>Sends all elements to rank 0.</summary>
    /// <param name="take">Receives them on rank 0, in order; null on the other ranks.</param>
    public void Collect(Action<Tensor>? take)
    {
        foreach (var (piece, owner, _) in Pieces())
        {
            if (owner > 0) _communicator.Broadcast(piece, owner);
            take?.Invoke(piece);
        }
    }

    /// <summary>Sends rank 0's elements to the ranks that own them.</summary>
    /// <param name="fill">Fills a piece on rank 0, given the position of its first element; null on the other ranks.</param>
    public void Spread(Action<Tensor, long>? fill)
    {
        foreach (var (piece, owner, first) in Pieces())
        {
            fill?.Invoke(piece, first);
            if (owner != 0 && _communicator.Ranks.WorldSize > 1) _communicator.Broadcast(piece, root: 0);
        }
    }

    /// <summary>All elements in order: where this rank has them, or in the buffer; the rank that owns them, negative for all ranks; the
    /// position of the first one.</summary>
    private IEnumerable<(Tensor Piece, int Owner, long First)> Pieces()
    {
        if (Whole is not null)
        {
            yield return (Whole, -1, 0);
            yield break;
        }

        // Positions are those of the block; the parameter's own begin at 0.
        long blockEnd = _offset + _shape.Aggregate(1L, (product, size) => product * size), part = _own!.Count, cut = _buffer!.Count;
        for (long at = _offset; at < Math.Min(blockEnd, cut);)
        {
            int owner = (int)(at / part);
            long start = owner * part, length = Math.Min(PieceElements, Math.Min(start + part, blockEnd) - at);
            yield return (owner == Rank ? _own.Rows(at - start, length) : _buffer.Rows(at, length), owner, at - _offset);
            at += length;
        }

        long rest = Math.Max(_offset, cut);
        if (blockEnd > rest) yield return (_shared!.Rows(rest - cut, blockEnd - rest), -1, rest - _offset);
    }
}
