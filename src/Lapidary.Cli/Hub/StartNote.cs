using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Says something when a transfer begins, and not where it was refused before: a refusal is one line.</summary>
/// <param name="say">Says it.</param>
/// <param name="next">Who is told how far it is.</param>
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
