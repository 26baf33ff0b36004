using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Sources;

/// <summary>A data set as a user names it: a path, or "owner/name" of the Hub, and after a colon which rows of it.</summary>
/// <param name="Path">A file, folder, pipe or pattern; or the id.</param>
/// <param name="IsId">Whether it is an id: what is on this machine goes before.</param>
/// <param name="Revision">Branch, tag or commit behind "@"; null for main and for paths.</param>
/// <param name="Split">What stands behind the colon, or null.</param>
internal sealed record DataSetName(string Path, bool IsId, string? Revision, SplitExpression? Split)
{
    /// <summary>Takes "org/name", "org/name@revision:train[:1000]", "folder:validation", "rows.jsonl".</summary>
    /// <exception cref="LapidaryException">It is empty, or what stands behind an id's colon is no split.</exception>
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

    /// <summary>The name with other rows or another revision, as <see cref="Parse"/> takes it.</summary>
    public override string ToString() => Path + (Revision is null ? "" : $"@{Revision}") + (Split is null ? "" : $":{Split}");

    private static bool IsPath(string text) => System.IO.Path.Exists(text) || (FolderPlace.IsPattern(text) && !text.Contains(':'));

    /// <summary>Owner and name: a name alone is more often a folder that is not there than one of the first data sets.</summary>
    private static DataSetName? TryId(string text) =>
        HubReference.TryParse(text, RepoType.Dataset, out var named) && !DataFiles.IsData(named.Repo.Id)
            ? new(named.Repo.Id, IsId: true, named.Revision, null) : null;
}
