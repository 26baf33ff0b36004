using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>Standard output for results: where they cannot be written the command has failed.</summary>
internal sealed class ResultWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

    public override void WriteLine() => Try(inner.WriteLine);

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e) || e is ObjectDisposedException)
        {
            throw new LapidaryException($"standard output: the result could not be written ({e.Message}); check where it goes.", e);
        }
    }
}
