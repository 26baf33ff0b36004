namespace Lapidary.Training.Reports.Recorded;

/// <summary>Names for folders.</summary>
internal static class DistinctNames
{
    /// <summary>For each folder its own name, with as many folders above it as it needs to differ from the others.</summary>
    /// <param name="folders">Paths of different folders.</param>
    public static string[] Of(IReadOnlyList<string> folders)
    {
        string[][] parts = [.. folders.Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))
            .Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))];
        return [.. parts.Select(NameOf)];

        string NameOf(string[] path)
        {
            int count = 1;
            while (count < path.Length && parts.Count(other => End(other, count) == End(path, count)) > 1) count++;
            return End(path, count);
        }
    }

    private static string End(string[] path, int count) => path.Length == 0 ? "/" : string.Join('/', path[^Math.Min(count, path.Length)..]);
}
