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

    /// <summary>The base that they are over.</summary>
    public BaseKey Base => new(Model, Device, ActivationDType, Quantization);

    /// <summary>"model with adapter".</summary>
    public override string ToString() => Adapter is null ? Model : $"{Model} with {Adapter}";
}

/// <summary>A model in memory over a base that others may share, loaded once by the first caller. After a load that failed the next
/// caller tries again, because its files may have been repaired.</summary>
internal sealed partial class SharedModel : IDisposable
{
    private readonly ModelKey _key;
    private readonly SharedBase _base;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private Task<LoadedModel>? _loading;

    /// <param name="key">What it is.</param>
    /// <param name="shared">Its base, which is disposed after it.</param>
    /// <param name="logger">Receives its load.</param>
    public SharedModel(ModelKey key, SharedBase shared, ILogger logger) => (_key, _base, _logger) = (key, shared, logger);

    /// <summary>The last load operation; null before the first request.</summary>
    public Task<LoadedModel>? Loading
    {
        get
        {
            lock (_lock) return _loading;
        }
    }

    /// <summary>The loaded model.</summary>
    public ModelKey Key => _key;

    /// <summary>Loads the model unless this was done, or is under way.</summary>
    public Task<LoadedModel> LoadAsync()
    {
        lock (_lock)
        {
            // Reading and quantizing keep a thread busy for long, so it is not a thread of the pool.
            if (_loading is null or { IsFaulted: true })
                _loading = Task.Factory.StartNew(Load, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return _loading;
        }
    }

    /// <summary>Ends the model's answers after its load has ended.</summary>
    public void EndAnswers()
    {
        if (Loading is not { } loading) return;
        ((IAsyncResult)loading).AsyncWaitHandle.WaitOne();
        if (loading.IsCompletedSuccessfully) loading.Result.Engine.Dispose();
    }

    /// <summary>Frees the model, whose answers have ended.</summary>
    public void Dispose()
    {
        if (Loading is { IsCompletedSuccessfully: true } loading) loading.Result.Dispose();
    }

    private LoadedModel Load()
    {
        try
        {
            long started = TimeProvider.System.GetTimestamp();
            var model = LoadedModel.Load(_key, _base);
            Loaded(_key, model.Model.Backend.Description, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
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
