namespace Lapidary.Formats.Files;

/// <summary>Whether two paths lead to the same place: through links at any level, "..", a trailing slash, or another case if the file
/// system ignores case. A missing file counts as the place where it would be created.</summary>
internal static class PathIdentity
{
    // As many as Linux follows.
    private const int MaxLinks = 40;

    /// <summary>Whether both lead to the same file or folder.</summary>
    public static bool IsSame(string a, string b) => Resolve(a) == Resolve(b);

    /// <summary>Whether a path is a folder or lies below it.</summary>
    public static bool IsInside(string path, string folder)
    {
        string inner = Resolve(path), outer = Resolve(folder);
        return inner == outer || inner.StartsWith(Path.EndsInDirectorySeparator(outer) ? outer : outer + Path.DirectorySeparatorChar,
            StringComparison.Ordinal);
    }

    /// <summary>The path without links, "." and "..", spelled as in the file system.</summary>
    public static string Resolve(string path)
    {
        // Windows takes ".." out of a text before it looks for links; elsewhere "link/.." is the parent of the link's target.
        string full = OperatingSystem.IsWindows() ? Path.GetFullPath(path) : Path.Combine(Environment.CurrentDirectory, path);
        string resolved = Path.GetPathRoot(full)!;
        var names = new Stack<string>();
        Push(full[resolved.Length..]);
        int links = 0;
        while (names.TryPop(out string? name))
        {
            if (name is "." or "") continue;
            if (name == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? resolved;
                continue;
            }

            string next = Path.Combine(resolved, name);
            if (LinkTarget(next) is { } target && links++ < MaxLinks)
            {
                if (Path.IsPathRooted(target)) resolved = Path.GetPathRoot(target)!;
                Push(target[Path.GetPathRoot(target)!.Length..]);
                continue;
            }

            resolved = Path.Combine(resolved, ActualName(resolved, name));
        }

        return resolved;

        void Push(string rest)
        {
            foreach (string part in rest.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Reverse()) names.Push(part);
        }
    }

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    /// <summary>The name as its folder spells it. It may differ in case on file systems that ignore case.</summary>
    private static string ActualName(string folder, string name)
    {
        try
        {
            if (!Path.Exists(Path.Combine(folder, name))) return name;
            string? other = null;
            foreach (string entry in Directory.EnumerateFileSystemEntries(folder))
            {
                string found = Path.GetFileName(entry);
                if (found == name) return name;
                if (string.Equals(found, name, StringComparison.OrdinalIgnoreCase)) other = found;
            }

            return other ?? name;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return name; // A folder that may be entered but not listed.
        }
    }
}
