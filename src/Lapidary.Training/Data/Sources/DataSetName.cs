using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Sources;

/// <summary>The name of a data set as a user gives it: a path, or "owner/name" of the Hub, optionally followed by a colon and the
/// rows.</summary>
/// <param name="Path">A file, folder, pipe or pattern; or the id.</param>
/// <param name="IsId">Whether it is an id; a local path takes precedence.</param>
/// <param name="Revision">Branch, tag or commit after "@"; null for main and for paths.</param>
/// <param name="Split">The text after the colon, or null.</param>
internal sealed record DataSetName(string Path, bool IsId, string? Revision, SplitExpression? Split)
{
    /// <summary>Parses "org/name", "org/name@revision:train[:1000]", "folder:validation", "rows.jsonl".</summary>
    /// <exception cref="LapidaryException">It is empty, or the text after an id's colon is not a split.</exception>
    public static DataSetName Parse(string text)
    {
        if (text.Length == 0) throw new LapidaryException("\"\": expected the path of a data set, found none; check the path.");
        if (System.IO.Path.Exists(text)) return new(text, IsId: false, null, null);
        for (int colon = text.IndexOf(':'); colon >= 0; colon = text.IndexOf(':', colon + 1))
        {
            string name = text[..colon], split = text[(colon + 1)..];
            if (IsPath(name) && SplitExpression.TryParse(split) is { } rows) return new(name, IsId: false, null, rows);
            if (TryId(name) is { } id) return id with { Split = SplitExpression.Parse(split) };
        }

        return TryId(text) ?? new(text, IsId: false, null, null);
    }

    /// <summary>The name with other rows or another revision, in the form that <see cref="Parse"/> accepts.</summary>
    public override string ToString() => Path + (Revision is null ? "" : $"@{Revision}") + (Split is null ? "" : $":{Split}");

    private static bool IsPath(string text) => System.IO.Path.Exists(text) || (FolderPlace.IsPattern(text) && !text.Contains(':'));

    /// <summary>Owner and name. A name alone is more often a missing folder than one of the Hub's early data sets.</summary>
    private static DataSetName? TryId(string text) =>
        HubReference.TryParse(text, RepoType.Dataset, out var named) && !DataFiles.IsData(named.Repo.Id)
            ? new(named.Repo.Id, IsId: true, named.Revision, null) : null;
}
