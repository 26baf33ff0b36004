using Lapidary.Formats;

namespace Lapidary.Jinja;

/// <summary>What is wrong with a template or its use: syntax that is not supported, an error while it is rendered, a limit that was
/// reached, or what the template itself raises (raise_exception).</summary>
public sealed class JinjaException : Exception
{
    private const int MaxMessageLength = 400;

    /// <summary>Creates the error.</summary>
    /// <param name="message">What is wrong. A template's own message may be anything: it is brought on one line of a few hundred
    /// characters.</param>
    /// <param name="line">Template line; 0 for the one being executed, which is filled in where the error leaves the interpreter.</param>
    public JinjaException(string message, int line = 0) : base(Printable.Line(message, MaxMessageLength)) => Line = line;

    /// <summary>Template line, from 1.</summary>
    public int Line { get; }

    /// <summary>Whether the rendering reached its limit of work or size, as another of the same conversation would.</summary>
    public bool IsLimit { get; init; }
}
