namespace Lapidary.Cli.CommandLine;

/// <summary>The exit codes of the process; scripts rely on them.</summary>
internal static class ExitCodes
{
    public const int Done = 0, Error = 1, Usage = 2, Interrupted = 130;
}
