using Lapidary.Gemma;

namespace Lapidary.Training.Checkpoints;

/// <summary>The identity of a run while the hash of its base's weights, by far the longest part, is taken on other threads. It reads a file
/// of gigabytes; a new run needs it only for its first checkpoint, and takes its first steps meanwhile.</summary>
internal sealed class PendingIdentity : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task<string?> _weights;
    private readonly Lazy<RunIdentity> _value;

    /// <summary>Starts.</summary>
    public PendingIdentity(GemmaModel model, Adapter adapter, SftConfig config, PackedDataSet train, PackedDataSet? eval, int worldSize)
    {
        _weights = Task.Run(() => model.Source?.Fingerprint(_end.Token));
        _value = new(() => RunIdentity.Of(model, adapter, config, train, eval, _weights.GetAwaiter().GetResult(), worldSize));
    }

    /// <summary>Whether nobody has to wait for it.</summary>
    public bool IsReady => _weights.IsCompletedSuccessfully;

    /// <summary>Waits for the rest of it.</summary>
    public RunIdentity Value => _value.Value;

    /// <summary>Ends the work: afterwards nobody reads the model's files.</summary>
    public void Dispose()
    {
        _end.Cancel();
        ((IAsyncResult)_weights).AsyncWaitHandle.WaitOne();
        _end.Dispose();
    }
}
