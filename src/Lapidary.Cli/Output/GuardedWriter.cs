using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>A standard stream that may be closed or on a full disk; the derived class decides what a failure means.</summary>
/// <param name="inner">The target.</param>
internal abstract class GuardedWriter(TextWriter inner) : TextWriter
{
    private readonly Lock _lock = new();

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

    public override void WriteLine() => Try(inner.WriteLine);

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    /// <summary>Called when the text could not be written.</summary>
    protected abstract void OnFailure(Exception e);

    // A signal handler also writes, in parallel to the command.
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
                OnFailure(e);
            }
        }
    }
}
