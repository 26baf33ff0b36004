namespace Lapidary.Cli.CommandLine;

/// <summary>The exit codes of the process; scripts rely on them.</summary>
internal static class ExitCodes
{
    /// <summary>128 + SIGPIPE, as Unix's own tools end if their reader is gone.</summary>
    public const int ReaderGone = 141;

    public const int Done = 0, Error = 1, Usage = 2, Interrupted = 130;
}
