using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>The command line is not what the tool expects: exit code 2.</summary>
/// <param name="message">One line.</param>
/// <param name="command">The command whose help tells more, such as "lapidary train".</param>
/// <param name="hint">What was probably meant, or null.</param>
internal sealed class UsageException(string message, string command, string? hint = null)
    : Exception(Printable.Line(message, Printable.MaxMessageLength))
{
    /// <summary>The command whose help tells more.</summary>
    public string Command { get; } = command;

    /// <summary>What was probably meant.</summary>
    public string? Hint { get; } = hint;
}
