namespace Lapidary.Hub;

/// <summary>Kinds of errors of the Hub.</summary>
public enum HubError
{
    /// <summary>None of the others; the message has the Hub's words.</summary>
    Other,

    /// <summary>No such repository, or it is private and the token may not see it.</summary>
    RepositoryNotFound,

    /// <summary>No such branch, tag or commit.</summary>
    RevisionNotFound,

    /// <summary>No such file in the revision.</summary>
    FileNotFound,

    /// <summary>A licence must be accepted on the model's page.</summary>
    Gated,

    /// <summary>The repository was switched off.</summary>
    Disabled,

    /// <summary>The token is wrong, or may not do this.</summary>
    Token,

    /// <summary>Too many requests.</summary>
    RateLimited,

    /// <summary>Offline, and not in the cache.</summary>
    Offline,

    /// <summary>The endpoint cannot be reached or does not answer as a Hub does.</summary>
    Unreachable,

    /// <summary>What was received is not what was announced.</summary>
    WrongContent,

    /// <summary>The branch changed while a commit was prepared.</summary>
    Changed,

    /// <summary>The Hub or its storage failed (5xx); later it may not.</summary>
    ServerFailed,
}
