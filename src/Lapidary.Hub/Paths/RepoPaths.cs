using System.Buffers;
using System.Text;

namespace Lapidary.Hub.Paths;

/// <summary>Checks file names from a server before they are joined to a folder. A name that is unsafe on one system is refused on all
/// systems, so that a repository works alike everywhere.</summary>
internal static class RepoPaths
{
    private const int MaxSegmentBytes = 255;

    private static readonly SearchValues<char> NotOnWindows = SearchValues.Create("<>:\"|?*");
    private static readonly string[] Devices = ["CON", "PRN", "AUX", "NUL"];

    /// <summary>Refuses a list of files if a name leads out of the folder or occurs twice.</summary>
    /// <param name="repo">The repository, for the error.</param>
    /// <param name="paths">All of them.</param>
    /// <param name="ignoresCase">Whether the file system does.</param>
    /// <exception cref="HubException">Names the first such file.</exception>
    public static void Require(HubRepo repo, IEnumerable<string> paths, bool ignoresCase)
    {
        var comparer = ignoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        var files = new HashSet<string>(comparer);
        var folders = new Dictionary<string, string>(comparer);
        foreach (string path in paths)
        {
            if (Fault(path) is { } fault) throw Refusal(repo, path, fault);
            if (!files.Add(path)) throw Refusal(repo, path, "is the name of another file as well, or differs from it in case alone");
            for (int slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            {
                string folder = path[..slash];
                if (folders.TryAdd(folder, folder) || folders[folder] == folder) continue;
                throw Refusal(repo, path, "is in a folder whose name differs from another one in case alone");
            }
        }

        if (files.FirstOrDefault(folders.ContainsKey) is { } both) throw Refusal(repo, both, "is the name of a file and of a folder");
    }

    /// <summary>The reason why a name is unsafe, or null.</summary>
    public static string? Fault(string path)
    {
        if (path.Length == 0) return "is empty";
        if (path.Any(char.IsControl)) return "holds control characters";
        if (path[0] == '/' || path.Contains('\\', StringComparison.Ordinal) || (path.Length > 1 && path[1] == ':'))
            return "would lead out of the folder of the download";
        foreach (string segment in path.Split('/'))
        {
            if (segment is ".." or ".") return "would lead out of the folder of the download";
            if (segment.Length == 0) return "has a part without a name";
            if (IsDevice(segment)) return "is the name of a device";
            if (Encoding.UTF8.GetByteCount(segment) > MaxSegmentBytes) return $"has a part of more than {MaxSegmentBytes} bytes";
            if (OperatingSystem.IsWindows() && (segment[^1] is '.' or ' ' || segment.AsSpan().ContainsAny(NotOnWindows)))
                return "is no name that Windows allows";
        }

        return null;
    }

    /// <summary>Windows treats these names as devices in every folder and with every extension.</summary>
    private static bool IsDevice(string segment)
    {
        string stem = segment.Split('.')[0].TrimEnd(' ').ToUpperInvariant();
        return Devices.Contains(stem) || (stem.Length == 4 && char.IsAsciiDigit(stem[3]) && stem[..3] is "COM" or "LPT");
    }

    private static HubException Refusal(HubRepo repo, string path, string fault) => new(
        HubError.WrongContent, $"{repo.Id}: the file name \"{path}\" {fault}; nothing of it was downloaded. Tell its owner.");
}
