namespace Lapidary.Gemma.Generation.Batching;

/// <summary>Texts that wait for a slot. Callers take turns, so that one with a thousand requests does not keep another waiting; a caller's
/// own texts stay in order.</summary>
/// <remarks>A text has the turn after that of its caller's text before it, or the one after the present. So a caller who comes now waits
/// for few texts of each other caller, and nobody can be overtaken for ever.</remarks>
internal sealed class WaitingTexts
{
    private const int ManyCallers = 1024;

    /// <summary>In the order in which they get slots.</summary>
    private readonly List<(long Turn, EngineRequest Request)> _texts = [];

    private readonly Dictionary<string, long> _lastTurns = new(StringComparer.Ordinal);
    private long _turn;

    /// <summary>All of them.</summary>
    public IEnumerable<EngineRequest> All => _texts.Select(text => text.Request);

    /// <summary>A text, in the order in which they get slots.</summary>
    public EngineRequest this[int index] => _texts[index].Request;

    /// <summary>Number of texts.</summary>
    public int Count => _texts.Count;

    /// <summary>The text that the next slot is for.</summary>
    public EngineRequest First => _texts[0].Request;

    /// <summary>Adds the text that came last.</summary>
    public void Add(EngineRequest request)
    {
        long turn = Math.Max(_turn, _lastTurns.GetValueOrDefault(request.Caller)) + 1;
        _lastTurns[request.Caller] = turn;
        int place = _texts.Count;
        while (place > 0 && _texts[place - 1].Turn > turn) place--;
        _texts.Insert(place, (turn, request));
    }

    /// <summary>Removes the first text, whose turn it was.</summary>
    public void RemoveFirst()
    {
        _turn = _texts[0].Turn;
        _texts.RemoveAt(0);
        if (_lastTurns.Count <= ManyCallers) return;
        foreach (var (caller, turn) in _lastTurns)
            if (turn <= _turn) _lastTurns.Remove(caller);
    }

    /// <summary>Removes those that were cancelled, and those that have ended otherwise.</summary>
    public void RemoveEnded() => _texts.RemoveAll(text => text.Request.EndIfCancelled());

    /// <summary>Removes all.</summary>
    public void Clear()
    {
        _texts.Clear();
        _lastTurns.Clear();
    }
}
