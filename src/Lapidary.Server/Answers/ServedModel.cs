using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Server.Http;

namespace Lapidary.Server;

/// <summary>A model that callers choose by its id.</summary>
public sealed class ServedModel
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _choicesOfCallers = new(StringComparer.Ordinal);
    private int _choices;

    /// <summary>Creates a model of a server.</summary>
    /// <param name="id">Its name in requests.</param>
    /// <param name="engine">Generates its answers.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="maxLength">Most tokens of a prompt and its answer; 0 for the model's context.</param>
    /// <exception cref="LapidaryException">maxLength is beyond the context, or generation_config.json of the model's folder is
    /// damaged.</exception>
    public ServedModel(string id, GenerationEngine engine, Tokenizer tokenizer, ChatTemplate template, int maxLength = 0)
    {
        (Id, Engine, Tokenizer, Template) = (id, engine, tokenizer, template);
        int context = engine.Model.Config.MaxPositionEmbeddings;
        if (maxLength > context)
            throw new LapidaryException($"max_length: expected at most {id}'s context of {context} tokens, found {maxLength}.");
        MaxLength = maxLength == 0 ? context : maxLength;
        var makers = GenerationConfig.Load(engine.Model.Folder, engine.Model.Config);
        Defaults = GenerationOptions.From(makers, tokenizer);
    }

    /// <summary>Its name in requests.</summary>
    public string Id { get; }

    /// <summary>The id of the base, if this is an adapter on it.</summary>
    public string? Parent { get; init; }

    /// <summary>Most tokens of a prompt and its answer.</summary>
    public int MaxLength { get; }

    internal GenerationEngine Engine { get; }

    internal Tokenizer Tokenizer { get; }

    internal ChatTemplate Template { get; }

    /// <summary>Options that requests do not set.</summary>
    internal GenerationOptions Defaults { get; }

    /// <summary>Takes places for some answers. A caller with a key of its own gets them without room too if it has none yet, or fewer
    /// than if all who have some now had equally many, so that another one cannot shut it out.</summary>
    /// <param name="count">Number of answers.</param>
    /// <param name="maxWaiting">Most answers that may wait.</param>
    /// <param name="caller">Whose they are; null for no one's in particular.</param>
    /// <returns>Whether there was room.</returns>
    internal bool TryEnter(int count, int maxWaiting, Caller? caller = null)
    {
        lock (_lock)
        {
            long most = Engine.MaxTexts + (long)maxWaiting;
            if (_choices + (long)count > most && !IsWithinShare(count, most, caller)) return false;
            Add(count, caller);
            return true;
        }
    }

    /// <summary>Gives places back.</summary>
    internal void Leave(int count, Caller? caller = null)
    {
        lock (_lock) Add(-count, caller);
    }

    private bool IsWithinShare(int count, long most, Caller? caller)
    {
        if (caller is not { HasKey: true }) return false;
        return !_choicesOfCallers.TryGetValue(caller.Name, out int own) || (own + (long)count) * _choicesOfCallers.Count <= most;
    }

    private void Add(int count, Caller? caller)
    {
        _choices += count;
        if (caller is null) return;
        int own = _choicesOfCallers.GetValueOrDefault(caller.Name) + count;
        if (own == 0) _choicesOfCallers.Remove(caller.Name);
        else _choicesOfCallers[caller.Name] = own;
    }
}
