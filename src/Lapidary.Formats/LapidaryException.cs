namespace Lapidary.Formats;

/// <summary>An error that the user can act on: a bad file, option, shape or too little memory. Its message is one line that names what was
/// expected, what was found and what to do next; the command line prints it alone, without a stack trace.</summary>
/// <remarks>Whatever is put into a message is made printable and cut here, so that no file's content reaches a screen as it is.</remarks>
public class LapidaryException : Exception
{
    /// <summary>Creates the error from its one line, all of which is its own words.</summary>
    public LapidaryException(string message) : base(Printable.Line(message, Printable.MaxMessageLength))
    {
    }

    /// <summary>Creates the error from its one line and the error that caused it.</summary>
    public LapidaryException(string message, Exception inner) : base(Printable.Line(message, Printable.MaxMessageLength), inner)
    {
    }

    /// <summary>Creates the error from its one line, which knows its words from the values in it.</summary>
    public LapidaryException(ErrorText message) : base(message.ToString()) => Values = message.Values;

    /// <summary>Creates the error from its one line, which knows its words from the values in it, and the error that caused it.</summary>
    public LapidaryException(ErrorText message, Exception inner) : base(message.ToString(), inner) => Values = message.Values;

    /// <summary>Where values stand in the message: what is there is not the error's own words.</summary>
    internal IReadOnlyList<(int Start, int End)> Values { get; } = [];
}
