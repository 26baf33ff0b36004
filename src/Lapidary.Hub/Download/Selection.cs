using Lapidary.Formats;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Download;

/// <summary>Selects the wanted files of a commit.</summary>
internal static class Selection
{
    /// <summary>The files that patterns and filter select.</summary>
    /// <param name="repo">The repository, for messages.</param>
    /// <param name="files">All files.</param>
    /// <param name="options">The selection.</param>
    /// <param name="where">Their place, for messages: "in the cache" or "".</param>
    /// <exception cref="LapidaryException">A pattern matches nothing, or no file is selected.</exception>
    public static List<RepoFile> Select(HubRepo repo, IReadOnlyList<RepoFile> files, DownloadOptions options, string where = "")
    {
        string[] paths = [.. files.Select(file => file.Path)];
        var include = new FilePatterns(options.Include);
        var exclude = new FilePatterns(options.Exclude);
        if (include.FirstWithout(paths) is { } pattern) throw Nothing(repo, options, $"the pattern \"{pattern}\"", paths, where);
        List<RepoFile> selected = [.. files.Where(file => (include.IsEmpty || include.Match(file.Path)) && !exclude.Match(file.Path))];
        if (selected.Count == 0 && files.Count > 0)
            throw Nothing(repo, options, $"the patterns that leave out \"{string.Join("\", \"", options.Exclude)}\"", paths, where);
        if (options.Filter is { } filter) selected = [.. selected.Where(filter)];
        return options.Select is { } select ? [.. select(selected)] : selected;
    }

    private static LapidaryException Nothing(HubRepo repo, DownloadOptions options, string what, string[] paths, string where)
    {
        string some = paths.Length == 0 ? "no files" : string.Join(", ", paths.Take(8)) + (paths.Length > 8 ? ", …" : "");
        return new LapidaryException(
            $"{repo.Id}: expected files for {what}, found none in revision \"{options.Revision}\"{where}, which has {some}; correct it.");
    }
}
