using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>An error of the tool itself. Its message names options, or keys of a file, and is printed unchanged
/// (<see cref="OptionNames"/>).</summary>
internal class ToolException : LapidaryException
{
    /// <summary>Creates the error from its one-line message.</summary>
    public ToolException(string message) : base(message)
    {
    }

    /// <summary>Creates the error from its one-line message and its cause.</summary>
    public ToolException(string message, Exception inner) : base(message, inner)
    {
    }
}
