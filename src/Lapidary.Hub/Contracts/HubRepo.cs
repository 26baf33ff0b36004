using Lapidary.Formats;

namespace Lapidary.Hub;

/// <summary>A repository of the Hub.</summary>
public sealed record HubRepo
{
    /// <summary>Names a repository.</summary>
    /// <param name="id">"owner/name", or "name" for old ones without an owner.</param>
    /// <param name="type">What it holds.</param>
    /// <exception cref="LapidaryException">The id is none that the Hub allows.</exception>
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

    /// <summary>"owner/name"; its case counts.</summary>
    public string Id { get; }

    /// <summary>What it holds.</summary>
    public RepoType Type { get; }

    /// <summary>Whether a text may be an id: 1 to 96 of A-Z a-z 0-9 _ . -, at most one "/", no "--" or "..", no ".git" at the end, and
    /// neither "-" nor "." at the ends of its parts.</summary>
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
