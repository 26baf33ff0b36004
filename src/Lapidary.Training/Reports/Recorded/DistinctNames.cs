namespace Lapidary.Training.Reports.Recorded;

/// <summary>Names for folders.</summary>
internal static class DistinctNames
{
    /// <summary>For each folder its own name, with as many folders above it as all need to differ.</summary>
    /// <param name="folders">Paths of different folders.</param>
    public static string[] Of(IReadOnlyList<string> folders)
    {
        string[][] parts = [.. folders.Select(folder =>
            Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)).Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))];
        int most = parts.Max(path => path.Length);
        string[] names = [];
        for (int count = 1; count <= Math.Max(1, most); count++)
        {
            names = [.. parts.Select(path => path.Length == 0 ? "/" : string.Join('/', path[^Math.Min(count, path.Length)..]))];
            if (names.Distinct().Count() == names.Length) break;
        }

        return names;
    }
}
