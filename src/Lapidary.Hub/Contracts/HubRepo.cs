using Lapidary.Formats;

namespace Lapidary.Hub;

/// <summary>A repository of the Hub.</summary>
public sealed record HubRepo
{
    /// <summary>Creates a reference to a repository.</summary>
    /// <param name="id">"owner/name", or "name" for old repositories without an owner.</param>
    /// <param name="type">The kind of repository.</param>
    /// <exception cref="LapidaryException">The Hub does not allow the id.</exception>
    public HubRepo(string id, RepoType type = RepoType.Model)
    {
        if (!IsId(id))
        {
            throw new LapidaryException(
                $"\"{id}\": expected an id of the Hub such as google/gemma-3-1b-pt (letters, digits, '-', '_' and '.'), found another "
                + "text; check it.");
        }

        (Id, Type) = (id, type);
    }

    /// <summary>"owner/name"; case-sensitive.</summary>
    public string Id { get; }

    /// <summary>The kind of repository.</summary>
    public RepoType Type { get; }

    /// <summary>Whether a text is a valid id: 1 to 96 of A-Z a-z 0-9 _ . -, at most one "/", no "--" or "..", no ".git" at the end, and no
    /// "-" or "." at the ends of its parts.</summary>
    public static bool IsId(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > 96 || text.Contains("--", StringComparison.Ordinal) || text.Contains("..", StringComparison.Ordinal)
            || text.EndsWith(".git", StringComparison.Ordinal))
        {
            return false;
        }

        string[] parts = text.Split('/');
        return parts.Length <= 2 && parts.All(part => part.Length > 0 && part[0] is not ('-' or '.') && part[^1] is not ('-' or '.')
            && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'));
    }

    /// <summary>The id.</summary>
    public override string ToString() => Id;
}
