using Lapidary.Formats;

namespace Lapidary.Hub;

/// <summary>The Hub refused, or could not be asked; the message is one line that says what to do.</summary>
public sealed class HubException : LapidaryException
{
    /// <summary>Creates the error from its one line.</summary>
    public HubException(HubError error, string message) : base(message) => Error = error;

    /// <summary>Creates the error from its one line and the error that caused it.</summary>
    public HubException(HubError error, string message, Exception inner) : base(message, inner) => Error = error;

    /// <summary>What kind of error it is.</summary>
    public HubError Error { get; }
}
