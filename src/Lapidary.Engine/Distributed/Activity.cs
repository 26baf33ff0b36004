namespace Lapidary.Engine.Distributed;

/// <summary>What a rank does, as far as the others have to know.</summary>
internal enum ActivityKind : byte
{
    /// <summary>It computes, and will soon want the others.</summary>
    Computing,

    /// <summary>It takes its time: it loads, saves or scores.</summary>
    Busy,

    /// <summary>It waits for the others.</summary>
    Waiting,

    /// <summary>It is done.</summary>
    Gone,
}

/// <summary>What a rank does, and since when.</summary>
/// <param name="Kind">What.</param>
/// <param name="Since">In <see cref="Environment.TickCount64"/>.</param>
/// <param name="What">In words.</param>
internal readonly record struct RankState(ActivityKind Kind, long Since, string What);

/// <summary>Keeps what a rank says that it does: the innermost statement counts. Every training step comes by here, so that nothing
/// is allocated.</summary>
internal sealed class Activity
{
    private readonly Lock _lock = new();
    private readonly List<Scope> _scopes = [];
    private int _depth;
    private RankState _state = new(ActivityKind.Computing, Environment.TickCount64, "");

    /// <summary>What it does now.</summary>
    public RankState State
    {
        get
        {
            lock (_lock) return _state;
        }
    }

    /// <summary>Until the result is disposed it does this.</summary>
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
