namespace Lapidary.Formats.Files;

/// <summary>Names that lead to something other than an ordinary file.</summary>
internal static class SpecialFile
{
    // As many as Linux follows.
    private const int MaxLinks = 40;

    /// <summary>What a path leads to, if it is there and is no ordinary file, such as "a pipe"; else null. It is not opened.</summary>
    public static string? KindOf(string path)
    {
        if (path.Length == 0 || path.Contains('\0')) return null;
        if (Directory.Exists(path)) return "a folder";
        if (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())
            return IsStream(path) ? "a stream of a process" : UnixFile.KindOf(path);
        return OperatingSystem.IsWindows() && Path.GetFullPath(path).StartsWith(@"\\.\", StringComparison.Ordinal) ? "a device" : null;
    }

    /// <summary>Whether it is such as /dev/stdout: a link to a process's stream, which may be an ordinary file.</summary>
    private static bool IsStream(string path)
    {
        string next = Path.GetFullPath(path);
        for (int links = 0; links < MaxLinks; links++)
        {
            if (next.StartsWith("/proc/", StringComparison.Ordinal) || next.StartsWith("/dev/fd/", StringComparison.Ordinal)) return true;
            if (TargetOf(next) is not { } target) return false;
            next = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(next)!, target));
        }

        return false;
    }

    private static string? TargetOf(string path)
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
}
