using System.Diagnostics.CodeAnalysis;

namespace Lapidary.Hub;

/// <summary>A repository at a revision, as people write it: "owner/name" or "owner/name@revision".</summary>
/// <param name="Repo">The repository.</param>
/// <param name="Revision">Branch, tag or commit; null if not given.</param>
public sealed record HubReference(HubRepo Repo, string? Revision)
{
    /// <summary>Parses a reference. A text that can only be a path, or a single word, is not one.</summary>
    /// <param name="text">A text given for a folder or an id.</param>
    /// <param name="type">The type of repository for an id.</param>
    /// <param name="reference">The parsed reference.</param>
    public static bool TryParse(string text, RepoType type, [NotNullWhen(true)] out HubReference? reference)
    {
        ArgumentNullException.ThrowIfNull(text);
        reference = null;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        string id = at < 0 ? text : text[..at];
        string? revision = at < 0 ? null : text[(at + 1)..];
        if (!id.Contains('/', StringComparison.Ordinal) || !HubRepo.IsId(id)) return false;
        if (revision is not null && (revision.Length == 0 || revision.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))) return false;
        reference = new HubReference(new HubRepo(id, type), revision);
        return true;
    }

    /// <summary>The reference as text.</summary>
    public override string ToString() => Revision is null ? Repo.Id : $"{Repo.Id}@{Revision}";
}
