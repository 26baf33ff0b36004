using Lapidary.Gemma;

namespace Lapidary.Training.Checkpoints;

/// <summary>The identity of a run while other threads compute the hash of its base's weights, which takes by far the longest. The hash
/// reads gigabytes. A new run needs it only for its first checkpoint and runs its first steps meanwhile.</summary>
internal sealed class PendingIdentity : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task<string?> _hash;
    private readonly Lazy<RunIdentity> _value;

    /// <summary>Starts.</summary>
    public PendingIdentity(GemmaModel model, TrainedWeights weights, SftConfig config, PackedDataSet train, PackedDataSet? eval, int worldSize)
    {
        _hash = Task.Run(() => model.Source?.Fingerprint(_end.Token));
        _value = new(() => RunIdentity.Of(model, weights, config, train, eval, _hash.GetAwaiter().GetResult(), worldSize));
    }

    /// <summary>Whether the identity is ready without waiting.</summary>
    public bool IsReady => _hash.IsCompletedSuccessfully;

    /// <summary>Waits until the identity is ready.</summary>
    public RunIdentity Value => _value.Value;

    /// <summary>Ends the work. Afterwards no thread reads the model's files.</summary>
    public void Dispose()
    {
        _end.Cancel();
        ((IAsyncResult)_hash).AsyncWaitHandle.WaitOne();
        _end.Dispose();
    }
}
