using Lapidary.Formats.Files;

namespace Lapidary.Jinja;

/// <summary>What is wrong with a template or its use: syntax that is not supported, an error while it is rendered, a limit that was
/// reached, or what the template itself raises (raise_exception).</summary>
public sealed class JinjaException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What is wrong; a template's own message may have several lines, and is made printable.</param>
    /// <param name="line">Template line; 0 for the one being executed, which is filled in where the error leaves the interpreter.</param>
    public JinjaException(string message, int line = 0)
        : base(Printable.Lines(message, Printable.MaxMessageLength)) => Line = line;

    /// <summary>Template line, from 1.</summary>
    public int Line { get; }
}
