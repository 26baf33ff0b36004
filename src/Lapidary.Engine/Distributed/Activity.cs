namespace Lapidary.Engine.Distributed;

/// <summary>The state of a rank, as far as the others need to know.</summary>
internal enum ActivityKind : byte
{
    /// <summary>It computes, and will soon join an exchange.</summary>
    Computing,

    /// <summary>It is busy for an unknown time: it loads, saves or scores.</summary>
    Busy,

    /// <summary>It waits for the others.</summary>
    Waiting,

    /// <summary>It is done.</summary>
    Gone,
}

/// <summary>The state of a rank, and since when.</summary>
/// <param name="Kind">The state.</param>
/// <param name="Since">Time of <see cref="Environment.TickCount64"/>.</param>
/// <param name="What">Description for messages.</param>
internal readonly record struct RankState(ActivityKind Kind, long Since, string What);

/// <summary>Holds the state that a rank reports; the innermost report counts. Every training step uses it, so it allocates
/// nothing.</summary>
internal sealed class Activity
{
    private readonly Lock _lock = new();
    private readonly List<Scope> _scopes = [];
    private int _depth;
    private RankState _state = new(ActivityKind.Computing, Environment.TickCount64, "");

    /// <summary>The current state.</summary>
    public RankState State
    {
        get
        {
            lock (_lock) return _state;
        }
    }

    /// <summary>Sets the state until the result is disposed.</summary>
    public IDisposable Enter(ActivityKind kind, string what)
    {
        lock (_lock)
        {
            if (_depth == _scopes.Count) _scopes.Add(new Scope(this));
            var scope = _scopes[_depth++];
            (scope.Kind, scope.What, scope.IsOver) = (kind, what, false);
            Become(kind, what);
            return scope;
        }
    }

    private void Leave(Scope scope)
    {
        lock (_lock)
        {
            scope.IsOver = true;
            while (_depth > 0 && _scopes[_depth - 1].IsOver) _depth--;
            if (_depth == 0) Become(ActivityKind.Computing, "");
            else Become(_scopes[_depth - 1].Kind, _scopes[_depth - 1].What);
        }
    }

    private void Become(ActivityKind kind, string what) =>
        _state = new(kind, _state.Kind == kind ? _state.Since : Environment.TickCount64, what);

    private sealed class Scope(Activity owner) : IDisposable
    {
        public ActivityKind Kind { get; set; }

        public string What { get; set; } = "";

        public bool IsOver { get; set; }

        public void Dispose() => owner.Leave(this);
    }
}
