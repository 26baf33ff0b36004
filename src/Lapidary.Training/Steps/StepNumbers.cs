using Lapidary.Engine;

namespace Lapidary.Training.Steps;

/// <summary>The numbers of an optimizer step that ranks add up on the host: each contributes its numbers, and all get the same
/// sums.</summary>
internal sealed class StepNumbers : IDisposable
{
    private const int PerRank = 4;

    private readonly IBackend _backend;
    private readonly ICommunicator _communicator;
    private readonly MemoryRegion _region;
    private readonly long[] _values;

    /// <summary>Int64 [ranks · 4], null for a single rank.</summary>
    private readonly Tensor? _all;

    private readonly Tensor? _own;

    public StepNumbers(IBackend backend, ICommunicator communicator)
    {
        (_backend, _communicator) = (backend, communicator);
        var ranks = communicator.Ranks;
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Inputs);
        _values = new long[ranks.WorldSize * PerRank];
        if (ranks.WorldSize == 1) return;
        _all = _region.New("step_numbers", DType.Int64, _values.Length);
        _own = _all.Rows(ranks.Rank * PerRank, PerRank);
    }

    /// <summary>Queues this rank's numbers without waiting.</summary>
    /// <param name="loss">Sum of the losses.</param>
    /// <param name="hits">Trained tokens whose label has the largest logit.</param>
    /// <param name="tokens">Tokens without padding.</param>
    /// <param name="stops">Whether this rank requests an end.</param>
    public void Give(double loss, long hits, long tokens, bool stops)
    {
        var own = _values.AsSpan(_communicator.Ranks.Rank * PerRank, PerRank);
        (own[0], own[1], own[2], own[3]) = (BitConverter.DoubleToInt64Bits(loss), hits, tokens, stops ? 1 : 0);
        if (_all is null) return;
        _backend.Write<long>(own, _own!);
        _communicator.AllGather(_all);
    }

    /// <summary>The sums over all ranks, added in rank order.</summary>
    public (double Loss, long Hits, long Tokens, bool Stops) Take()
    {
        if (_all is not null) _backend.Read<long>(_all, _values);
        double loss = 0;
        long hits = 0, tokens = 0, stops = 0;
        for (int i = 0; i < _values.Length; i += PerRank)
        {
            loss += BitConverter.Int64BitsToDouble(_values[i]);
            hits += _values[i + 1];
            tokens += _values[i + 2];
            stops += _values[i + 3];
        }

        return (loss, hits, tokens, stops > 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _region.Dispose();
}
