namespace Lapidary.Cli.Output;

/// <summary>Text for people: a closed screen or a log on a full disk does not end the work. Text that cannot be written is dropped, and the
/// reader of the other stream is told once.</summary>
/// <param name="inner">The target.</param>
/// <param name="onFailure">Receives the reason at the first failure, or null.</param>
internal sealed class PeopleWriter(TextWriter inner, Action<string>? onFailure = null) : GuardedWriter(inner)
{
    private bool _hasFailed;

    protected override void OnFailure(Exception e)
    {
        if (_hasFailed) return;
        _hasFailed = true;
        onFailure?.Invoke(e.Message);
    }
}
