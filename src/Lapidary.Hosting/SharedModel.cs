using Lapidary.Engine;
using Lapidary.Gemma;
using Microsoft.Extensions.Logging;

namespace Lapidary.Hosting;

/// <summary>The key of models that clients can share.</summary>
internal sealed record ModelKey(
    string Model, string? Adapter, string? Tokenizer, string Device, DType? ActivationDType, QuantizationKind Quantization, int MaxTexts,
    int MaxWaiting)
{
    /// <summary>The key of given options.</summary>
    public static ModelKey Of(LapidaryChatClientOptions options) =>
        new(options.Model, options.Adapter, options.Tokenizer, options.Device, options.ActivationDType, options.Quantization,
            options.MaxConcurrentAnswers, options.MaxWaitingAnswers);

    /// <summary>"model with adapter".</summary>
    public override string ToString() => Adapter is null ? Model : $"{Model} with {Adapter}";
}

/// <summary>A model in memory, loaded once by the first caller.</summary>
internal sealed partial class SharedModel : IDisposable
{
    private readonly ModelKey _key;
    private readonly ILogger _logger;
    private readonly Lazy<Task<LoadedModel>> _loading;

    public SharedModel(ModelKey key, ILogger logger)
    {
        (_key, _logger) = (key, logger);
        // Reading and quantizing keep a thread busy for long, so it is not a thread of the pool.
        _loading = new(() => Task.Factory.StartNew(Load, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
    }

    /// <summary>The load operation; null before the first request.</summary>
    public Task<LoadedModel>? Loading => _loading.IsValueCreated ? _loading.Value : null;

    /// <summary>The loaded model.</summary>
    public ModelKey Key => _key;

    /// <summary>Loads the model unless this was done.</summary>
    public Task<LoadedModel> LoadAsync() => _loading.Value;

    /// <summary>Frees the model after its load has ended.</summary>
    public void Dispose()
    {
        if (Loading is not { } loading) return;
        ((IAsyncResult)loading).AsyncWaitHandle.WaitOne();
        if (loading.IsCompletedSuccessfully) loading.Result.Dispose();
    }

    private LoadedModel Load()
    {
        try
        {
            long started = TimeProvider.System.GetTimestamp();
            var model = LoadedModel.Load(_key);
            Loaded(_key, model.Backend.Description, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
            return model;
        }
        catch (Exception e)
        {
            Failed(_key, e);
            throw;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Loaded {Model} on {Device} in {Seconds:F1} s")]
    private partial void Loaded(ModelKey model, string device, double seconds);

    [LoggerMessage(2, LogLevel.Error, "{Model} cannot be loaded")]
    private partial void Failed(ModelKey model, Exception exception);
}

/// <summary>A model that is ready to answer.</summary>
internal sealed record LoadedModel(
    IBackend Backend, GemmaModel Model, Adapter? Adapter, GenerationEngine Engine, Tokenizer Tokenizer, ChatTemplate Template) : IDisposable
{
    /// <summary>Loads a model, its adapter and its tokenizer.</summary>
    /// <exception cref="Formats.LapidaryException">One of them cannot be loaded.</exception>
    public static LoadedModel Load(ModelKey key)
    {
        var backend = Lapidary.Engine.Backend.Create(key.Device, new CudaOptions { ActivationDType = key.ActivationDType });
        GemmaModel? model = null;
        Adapter? adapter = null;
        try
        {
            model = GemmaModel.Load(key.Model, backend, new ModelOptions { Quantization = key.Quantization });
            if (key.Adapter is not null) model.Attach(adapter = Adapter.Load(model, key.Adapter));
            string tokenizer = key.Tokenizer
                ?? (adapter?.Source is { } source ? TokenizerFolder.Resolve(source.Folder) : null)
                ?? key.Model;
            var engine = new GenerationEngine(model, key.MaxTexts) { MaxWaiting = key.MaxWaiting };
            return new(backend, model, adapter, engine, Tokenizer.Load(tokenizer), ChatTemplate.Load(tokenizer));
        }
        catch
        {
            adapter?.Dispose();
            model?.Dispose();
            backend.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Engine.Dispose();
        Adapter?.Dispose();
        Model.Dispose();
        Backend.Dispose();
    }
}
