namespace Lapidary.Formats;

/// <summary>An error that the user can act on: a bad file, option, shape or too little memory. Its message is one line that names what was
/// expected, what was found and what to do next; the command line prints it alone, without a stack trace.</summary>
public class LapidaryException : Exception
{
    /// <summary>Creates the error from its one line.</summary>
    public LapidaryException(string message) : base(message)
    {
    }

    /// <summary>Creates the error from its one line and the error that caused it.</summary>
    public LapidaryException(string message, Exception inner) : base(message, inner)
    {
    }
}
