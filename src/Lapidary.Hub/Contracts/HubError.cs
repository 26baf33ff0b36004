namespace Lapidary.Hub;

/// <summary>Kinds of Hub errors.</summary>
public enum HubError
{
    /// <summary>Any other error; the message has the Hub's words.</summary>
    Other,

    /// <summary>The repository does not exist, or it is private and the token may not see it.</summary>
    RepositoryNotFound,

    /// <summary>The branch, tag or commit does not exist.</summary>
    RevisionNotFound,

    /// <summary>The revision has no such file.</summary>
    FileNotFound,

    /// <summary>A licence must be accepted on the model's page.</summary>
    Gated,

    /// <summary>The repository was disabled.</summary>
    Disabled,

    /// <summary>The token is invalid or lacks the permission.</summary>
    Token,

    /// <summary>Too many requests.</summary>
    RateLimited,

    /// <summary>Offline mode, and the files are not in the cache.</summary>
    Offline,

    /// <summary>The endpoint cannot be reached or does not answer like a Hub.</summary>
    Unreachable,

    /// <summary>The received data differ from the announced data.</summary>
    WrongContent,

    /// <summary>The branch changed during the preparation of a commit.</summary>
    Changed,

    /// <summary>The Hub or its storage failed (5xx); a later attempt may succeed.</summary>
    ServerFailed,
}
