namespace Lapidary.Cli.Output;

/// <summary>Text for people: a screen that is closed or a log on a full disk ends no work. What cannot be written is dropped, and the
/// reader of the other stream is told once.</summary>
/// <param name="inner">Where the text goes.</param>
/// <param name="onFailure">Told the reason at the first failure, or null.</param>
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
