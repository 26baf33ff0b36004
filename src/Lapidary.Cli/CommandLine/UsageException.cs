using Lapidary.Formats;

namespace Lapidary.Cli.CommandLine;

/// <summary>The command line is invalid: exit code 2.</summary>
/// <param name="message">One line.</param>
/// <param name="command">The command whose help says more, such as "lapidary train".</param>
/// <param name="hint">The probable intention, or null.</param>
internal sealed class UsageException(string message, string command, string? hint = null)
    : Exception(Printable.Line(message, Printable.MaxMessageLength))
{
    /// <summary>The command whose help says more.</summary>
    public string Command { get; } = command;

    /// <summary>The probable intention.</summary>
    public string? Hint { get; } = hint;
}
