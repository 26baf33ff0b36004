using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Hosting;

/// <summary>The key of bases that models can share.</summary>
internal sealed record BaseKey(string Model, string Device, DType? ActivationDType, QuantizationKind Quantization);

/// <summary>A base in memory, loaded once by the first model over it, with the engines of the models over it.</summary>
internal sealed class SharedBase(BaseKey key) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<(GenerationEngine Engine, int MaxTexts, int MaxWaiting)> _engines = [];
    private readonly Lock _loading = new();
    private (IBackend Backend, GemmaModel Model)? _loaded;

    /// <summary>The base, without an adapter. After a load that failed it is loaded anew.</summary>
    /// <exception cref="Formats.LapidaryException">It cannot be loaded.</exception>
    public GemmaModel Model
    {
        get
        {
            lock (_loading) return (_loaded ??= Load(key)).Model;
        }
    }

    /// <summary>An engine of a model over the base. Models of the same limits share their steps if they can.</summary>
    /// <param name="model">The base, or a model over its weights with its adapter attached.</param>
    /// <param name="maxTexts">Most answers at a time; 0 for the device's number.</param>
    /// <param name="maxWaiting">Most answers that wait.</param>
    public GenerationEngine EngineOf(GemmaModel model, int maxTexts, int maxWaiting)
    {
        lock (_lock)
        {
            foreach (var (other, texts, waiting) in _engines)
                if ((texts, waiting) == (maxTexts, maxWaiting) && other.CanJoin(model)) return other.Join(model);
            var engine = new GenerationEngine(model, maxTexts) { MaxWaiting = maxWaiting };
            _engines.Add((engine, maxTexts, maxWaiting));
            return engine;
        }
    }

    /// <summary>Frees the base, after the models over it.</summary>
    public void Dispose()
    {
        if (_loaded is not var (backend, model)) return;
        model.Dispose();
        backend.Dispose();
    }

    private static (IBackend Backend, GemmaModel Model) Load(BaseKey key)
    {
        var backend = Backend.Create(key.Device, new CudaOptions { ActivationDType = key.ActivationDType });
        try
        {
            return (backend, GemmaModel.Load(key.Model, backend, new ModelOptions { Quantization = key.Quantization }));
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }
}
