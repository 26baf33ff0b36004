namespace Lapidary.Formats;

/// <summary>An error that the user can act on: a bad file, option, shape or too little memory. Its message is one line that names what was
/// expected, what was found and what to do next; the command line prints it alone, without a stack trace.</summary>
/// <remarks>Inserted values are made printable and shortened here, so that file content never reaches a screen unchanged.</remarks>
public class LapidaryException : Exception
{
    /// <summary>Creates the error from its one line, which contains no values.</summary>
    public LapidaryException(string message) : base(Printable.Line(message, Printable.MaxMessageLength))
    {
    }

    /// <summary>Creates the error from its one line and the error that caused it.</summary>
    public LapidaryException(string message, Exception inner) : base(Printable.Line(message, Printable.MaxMessageLength), inner)
    {
    }

    /// <summary>Creates the error from its one line, which distinguishes words from values.</summary>
    public LapidaryException(ErrorText message) : base(message.ToString()) => Values = message.Values;

    /// <summary>Creates the error from its one line, which distinguishes words from values, and the error that caused it.</summary>
    public LapidaryException(ErrorText message, Exception inner) : base(message.ToString(), inner) => Values = message.Values;

    /// <summary>Ranges of the values in the message.</summary>
    internal IReadOnlyList<(int Start, int End)> Values { get; } = [];
}
