namespace Lapidary.Hub;

/// <summary>A repository as the Hub describes it.</summary>
/// <param name="Id">Its id; the new id if it was renamed.</param>
/// <param name="Commit">The revision's commit: 40 hex digits.</param>
/// <param name="IsPrivate">Whether the repository is private.</param>
/// <param name="IsGated">Whether its licence must be accepted.</param>
/// <param name="Tags">Its tags.</param>
public sealed record RepoInfo(string Id, string Commit, bool IsPrivate, bool IsGated, IReadOnlyList<string> Tags);
