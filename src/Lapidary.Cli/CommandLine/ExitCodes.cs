namespace Lapidary.Cli.CommandLine;

/// <summary>What the process returns; scripts rely on these.</summary>
internal static class ExitCodes
{
    public const int Done = 0, Error = 1, Usage = 2, Interrupted = 130;
}
