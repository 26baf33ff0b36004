namespace Lapidary.TestHub.Http;

/// <summary>A request that is refused: status, words, and the headers that carry the code.</summary>
internal sealed class HubFailure(int status, string text) : Exception(text)
{
    public int Status => status;

    /// <summary>X-Error-Code.</summary>
    public string? Code { get; init; }

    /// <summary>X-Repo-Commit: an absent file of a valid revision has it.</summary>
    public string? RepoCommit { get; init; }

    /// <summary>The Code element of a storage host's XML.</summary>
    public string StorageCode { get; init; } = "InvalidRequest";

    /// <summary>A real Hub might let it pass: the client did what no client should do, and a test fails for it.</summary>
    public bool IsViolation { get; init; }

    /// <summary>A body in the usual one's place.</summary>
    public System.Text.Json.Nodes.JsonObject? Body { get; init; }

    public Dictionary<string, string> Headers { get; } = [];

    /// <summary>What a strict server does not take.</summary>
    public static HubFailure Violation(string text, int status = 400) => new(status, text) { IsViolation = true };

    public static HubFailure NoRevision(string revision) => new(404, $"Invalid rev id: {revision}") { Code = "RevisionNotFound" };

    public static HubFailure NoEntry(string? commit) => new(404, "Entry not found") { Code = "EntryNotFound", RepoCommit = commit };
}
