using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Upload;

/// <summary>Finds the files of a folder that belong to a repository.</summary>
/// <remarks>Excluded are .git, .cache/huggingface, unfinished files (*.tmp-*) and the files of a folder's lock. A link to a file is
/// uploaded as the file, because the cache's snapshots consist of such links. A link to a folder is not followed, because it may lead
/// anywhere and in circles; a note reports it.</remarks>
internal static class FolderScan
{
    private const string Git = ".git", Cache = ".cache", OwnCache = "huggingface", Temporary = ".tmp-";

    /// <summary>The files, by their paths in the repository.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">The selection and the target folder.</param>
    /// <param name="note">Receives excluded files that the user may miss.</param>
    /// <exception cref="LapidaryException">It is not a folder, a pattern or the folder has no files, or a name is not allowed in a
    /// repository.</exception>
    public static IReadOnlyList<LocalFile> Find(string folder, UploadOptions options, Action<string>? note)
    {
        string prefix = Prefix(options.PathInRepo);
        if (!Directory.Exists(folder))
        {
            throw new LapidaryException(File.Exists(folder)
                ? $"{folder}: expected a folder, found a file; give the folder that holds it, and its name as include."
                : $"{folder}: expected a folder to upload, found none; check the path.");
        }

        var found = new List<(string Path, string LocalPath)>();
        try
        {
            Walk(folder, "", found, note);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(folder, e);
        }

        if (found.Count == 0) throw new LapidaryException($"{folder}: expected files to upload, found none; check the path.");
        LocalFile[] files = [.. Choose(found, options, folder).Select(file => Describe(prefix, file.Path, file.LocalPath))];
        Array.Sort(files, (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return files;
    }

    private static (string Path, string LocalPath)[] Choose(
        List<(string Path, string LocalPath)> found, UploadOptions options, string folder)
    {
        FilePatterns include = new(options.Include), exclude = new(options.Exclude);
        if (include.FirstWithout([.. found.Select(file => file.Path)]) is { } none)
            throw new LapidaryException($"{folder}: no file matches the pattern \"{none}\" of include; check it.");
        (string Path, string LocalPath)[] chosen =
            [.. found.Where(file => (include.IsEmpty || include.Match(file.Path)) && !exclude.Match(file.Path))];
        return chosen.Length > 0 ? chosen : throw new LapidaryException($"{folder}: exclude leaves no file; check its patterns.");
    }

    private static void Walk(string folder, string path, List<(string Path, string LocalPath)> found, Action<string>? note)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            string name = entry.Name, inner = path + name;
            if (name == Git || name.Contains(Temporary, StringComparison.Ordinal) || FolderLock.IsPartOf(name)) continue;
            if (entry is not DirectoryInfo)
            {
                found.Add((inner, entry.FullName));
            }
            else if (entry.LinkTarget is not null)
            {
                note?.Invoke($"{entry.FullName} is a link to a folder and is left out; put a real folder in its place to send it.");
            }
            else if (!(name == OwnCache && (path == Cache + "/" || path.EndsWith("/" + Cache + "/", StringComparison.Ordinal))))
            {
                Walk(entry.FullName, inner + "/", found, note);
            }
        }
    }

    private static LocalFile Describe(string prefix, string path, string localPath)
    {
        RequireName(localPath, prefix + path);
        using var stream = InputFile.OpenRead(localPath); // what is no ordinary file, or a link to nothing, is refused
        return new LocalFile(prefix + path, localPath, stream.Length, File.GetLastWriteTimeUtc(stream.SafeFileHandle));
    }

    /// <summary>Refuses names that git, the Hub or other systems do not support.</summary>
    private static void RequireName(string localPath, string path)
    {
        string? wrong = path.Split('/').FirstOrDefault(part => part is "" or "." or ".." or Git or Cache);
        if (wrong is not null)
            throw new LapidaryException($"{localPath}: a repository takes no path with \"{wrong}\" in it; leave it out with exclude.");
        if (path.Any(c => c is '\\' || char.IsControl(c) || c == '\uFFFD'))
        {
            throw new LapidaryException(
                $"{localPath}: the name has a character that a repository does not take; rename the file, or leave it out with exclude.");
        }
    }

    /// <summary>The target folder in the repository, with a slash at its end; empty for the root.</summary>
    private static string Prefix(string? pathInRepo)
    {
        string path = (pathInRepo ?? "").Trim();
        if (path is "." or "./") return "";
        path = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
        path = path.Trim('/');
        if (path.Length == 0) return "";
        RequireName(path, path);
        return path + "/";
    }
}
