using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>An error that the tool itself finds. It speaks of options where options are meant, and of keys where a file's key is meant, so
/// that its line is printed as it is (<see cref="OptionNames"/>).</summary>
internal sealed class ToolException : LapidaryException
{
    /// <summary>Creates the error from its one line.</summary>
    public ToolException(string message) : base(message)
    {
    }

    /// <summary>Creates the error from its one line and the error that caused it.</summary>
    public ToolException(string message, Exception inner) : base(message, inner)
    {
    }
}
