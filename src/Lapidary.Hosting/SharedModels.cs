using Microsoft.Extensions.Logging;

namespace Lapidary.Hosting;

/// <summary>The models of a host: clients with the same options share one, and models over the same base share that. Freed with the
/// host's services.</summary>
internal sealed class SharedModels(ILoggerFactory loggers) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ModelKey, SharedModel> _models = [];
    private readonly Dictionary<BaseKey, SharedBase> _bases = [];
    private readonly ILogger _logger = loggers.CreateLogger("Lapidary.Hosting");

    /// <summary>All models that a client has requested.</summary>
    public IReadOnlyList<SharedModel> All
    {
        get
        {
            lock (_lock) return [.. _models.Values];
        }
    }

    /// <summary>The model for given options.</summary>
    public SharedModel Get(ModelKey key)
    {
        lock (_lock)
        {
            if (_models.TryGetValue(key, out var model)) return model;
            if (!_bases.TryGetValue(key.Base, out var shared)) _bases.Add(key.Base, shared = new SharedBase(key.Base));
            _models.Add(key, model = new SharedModel(key, shared, _logger));
            return model;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in All) model.EndAnswers(); // steps that models share need the adapters of all
        foreach (var model in All) model.Dispose();
        lock (_lock)
        {
            foreach (var shared in _bases.Values) shared.Dispose();
        }
    }
}
