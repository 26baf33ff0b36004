namespace Lapidary.Gemma.Model;

/// <summary>What a search of weights for numbers that are not finite has found. The search reads all of them, and hundreds of texts may
/// ask in one step; so it runs once, and is run again only after the weights have changed.</summary>
internal sealed class KnownFault
{
    private readonly Lock _lock = new();
    private bool _isKnown;
    private string? _fault;

    /// <summary>For tests: number of searches so far.</summary>
    public int Searches { get; private set; }

    /// <summary>The fault, or null. The first caller searches; those that come meanwhile wait for its result.</summary>
    /// <param name="search">Names a weight with such a number; null if there is none.</param>
    public string? Find(Func<string?> search)
    {
        lock (_lock)
        {
            if (_isKnown) return _fault;
            Searches++;
            _fault = search();
            _isKnown = true;
            return _fault;
        }
    }

    /// <summary>The weights have changed.</summary>
    public void Forget()
    {
        lock (_lock) _isKnown = false;
    }
}
