using Lapidary.Formats;

namespace Lapidary.Cli.Output;

/// <summary>Standard output for results: if they cannot be written, the command has failed.</summary>
internal sealed class ResultWriter(TextWriter inner) : GuardedWriter(inner)
{
    protected override void OnFailure(Exception e) =>
        throw new LapidaryException($"standard output: the result could not be written ({e.Message}); check where it goes.", e);
}
