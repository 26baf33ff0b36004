using System.Runtime.CompilerServices;
using Lapidary.Engine;

namespace Lapidary.Gemma.Generation;

/// <summary>Generates one text after the other, in the order of the calls. All engines of a backend share one queue, because a backend's
/// scratch memory supports one computation at a time.</summary>
internal sealed class SerialEngine(GemmaModel model) : ITokenEngine
{
    private static readonly ConditionalWeakTable<IBackend, FairGate> Gates = [];

    private readonly TextGenerator _generator = new(model);
    private readonly FairGate _gate = Gates.GetValue(model.Backend, _ => new FairGate());
    private readonly Lock _generating = new();
    private bool _isDisposed;

    /// <inheritdoc/>
    public async Task<int> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool> onToken, CancellationToken cancellationToken)
    {
        using (await _gate.EnterAsync(cancellationToken).ConfigureAwait(false))
            await Task.Run(() => Generate(promptIds, options, onToken, cancellationToken), cancellationToken).ConfigureAwait(false);
        return 0;
    }

    /// <summary>Frees the cache after the current text has ended.</summary>
    public void Dispose()
    {
        lock (_generating)
        {
            _isDisposed = true;
            _generator.Dispose();
        }
    }

    private void Generate(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool> onToken, CancellationToken cancellationToken)
    {
        lock (_generating)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            foreach (int id in _generator.Generate(promptIds, options, cancellationToken))
                if (!onToken(id)) return;
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
