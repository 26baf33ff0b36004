using Lapidary.Formats;

namespace Lapidary.Jinja;

/// <summary>An error in a template or its use: unsupported syntax, an error while rendering, a limit, or an error that the template raises
/// (raise_exception).</summary>
public sealed class JinjaException : Exception
{
    private const int MaxMessageLength = 400;

    /// <summary>Creates the error.</summary>
    /// <param name="message">The error. A template's message may be any text, so it is shortened to one line of a few hundred
    /// characters.</param>
    /// <param name="line">Template line; 0 for the line being executed, which is filled in when the error leaves the interpreter.</param>
    public JinjaException(string message, int line = 0) : base(Printable.Line(message, MaxMessageLength)) => Line = line;

    /// <summary>Template line, from 1.</summary>
    public int Line { get; }

    /// <summary>Whether the rendering reached its limit of work or size. Another rendering of the same conversation would reach it
    /// too.</summary>
    public bool IsLimit { get; init; }
}
