using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>Text for people: a screen that is closed or a log on a full disk ends no work. What cannot be written is dropped, and the
/// reader of the other stream is told once.</summary>
/// <param name="inner">Where the text goes.</param> <param name="onFailure">Told the reason at the first failure, or null.</param>
internal sealed class PeopleWriter(TextWriter inner, Action<string>? onFailure = null) : TextWriter
{
    private readonly Lock _lock = new();
    private bool _hasFailed;

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

    public override void WriteLine() => Try(inner.WriteLine);

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    // The handler of a signal writes too, beside the command.
    private void Try(Action write)
    {
        lock (_lock)
        {
            try
            {
                write();
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e) || e is ObjectDisposedException)
            {
                if (_hasFailed) return;
                _hasFailed = true;
                onFailure?.Invoke(e.Message);
            }
        }
    }
}
