using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Shows a message when a transfer begins, but not if it was refused before, because a refusal is one line.</summary>
/// <param name="say">Shows the message.</param>
/// <param name="next">Receives the progress.</param>
internal sealed class StartNote(Action say, IProgress<TransferProgress>? next) : IProgress<TransferProgress>
{
    private bool _isSaid;

    /// <inheritdoc/>
    public void Report(TransferProgress value)
    {
        if (!_isSaid) say();
        _isSaid = true;
        next?.Report(value);
    }
}
