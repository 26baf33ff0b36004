using Lapidary.Formats;

namespace Lapidary.Hub;

/// <summary>The Hub refused or cannot be reached. The message is one line that says what to do.</summary>
public sealed class HubException : LapidaryException
{
    /// <summary>Creates the error from its one-line message.</summary>
    public HubException(HubError error, string message) : base(message) => Error = error;

    /// <summary>Creates the error from its one-line message and its cause.</summary>
    public HubException(HubError error, string message, Exception inner) : base(message, inner) => Error = error;

    /// <summary>The kind of error.</summary>
    public HubError Error { get; }

    /// <summary>Whether the Hub did not find the name, or could not be asked for it, so that a mistyped path may be meant.</summary>
    public bool NameMayBeAPath => Error is HubError.RepositoryNotFound or HubError.Offline or HubError.Unreachable;
}
