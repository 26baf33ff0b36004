using Lapidary.Formats;

namespace Lapidary.Cli.Output;

/// <summary>The reader of standard output has enough, as "head" does after its lines: the command ends without a word.</summary>
internal sealed class ReaderGoneException : Exception;

/// <summary>Standard output for results: if they cannot be written, the command has failed.</summary>
internal sealed class ResultWriter(TextWriter inner) : GuardedWriter(inner)
{
    /// <summary>EPIPE on Linux and macOS.</summary>
    private const int BrokenPipe = 32;

    protected override void OnFailure(Exception e) => throw (e is IOException { HResult: BrokenPipe }
        ? new ReaderGoneException()
        : new LapidaryException($"standard output: the result could not be written ({e.Message}); check where it goes.", e));
}
