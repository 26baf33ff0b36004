using System.Runtime.CompilerServices;
using Lapidary.Gemma;
using Lapidary.Server.Http;

namespace Lapidary.Server.Answers;

/// <summary>The places of answers under way: those that are generated and those that wait. Models whose engines share steps have the same
/// places.</summary>
internal sealed class AnswerPlaces
{
    private static readonly ConditionalWeakTable<object, AnswerPlaces> All = [];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _takenByCallers = new(StringComparer.Ordinal);
    private int _taken;

    /// <summary>Those of an engine.</summary>
    public static AnswerPlaces Of(GenerationEngine engine) => All.GetValue(engine.Together, _ => new AnswerPlaces());

    /// <summary>Takes places. A caller with a key of its own gets them without room too if it has none yet, or fewer than if all who have
    /// some now had equally many, so that another one cannot shut it out.</summary>
    /// <param name="count">Number of answers.</param>
    /// <param name="most">Number of places.</param>
    /// <param name="caller">Whose they are; null for no one's in particular.</param>
    /// <returns>Whether there was room.</returns>
    public bool TryTake(int count, long most, Caller? caller)
    {
        lock (_lock)
        {
            if (_taken + (long)count > most && !IsWithinShare(count, most, caller)) return false;
            Add(count, caller);
            return true;
        }
    }

    /// <summary>Gives places back.</summary>
    public void GiveBack(int count, Caller? caller)
    {
        lock (_lock) Add(-count, caller);
    }

    private bool IsWithinShare(int count, long most, Caller? caller)
    {
        if (caller is not { HasKey: true }) return false;
        return !_takenByCallers.TryGetValue(caller.Name, out int own) || (own + (long)count) * _takenByCallers.Count <= most;
    }

    private void Add(int count, Caller? caller)
    {
        _taken += count;
        if (caller is null) return;
        int own = _takenByCallers.GetValueOrDefault(caller.Name) + count;
        if (own == 0) _takenByCallers.Remove(caller.Name);
        else _takenByCallers[caller.Name] = own;
    }
}
