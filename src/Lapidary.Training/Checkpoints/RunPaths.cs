namespace Lapidary.Training.Checkpoints;

/// <summary>Paths in the files of a run. Files in or near the run's folder get a relative path, so that a tree works after it is moved or
/// mounted elsewhere; distant files get an absolute path.</summary>
internal static class RunPaths
{
    /// <summary>The start of a path that is relative to the run's folder. No id and no template name starts this way.</summary>
    private const string Inside = "./", Outside = "../";

    /// <summary>Levels above the run's folder that count as near.</summary>
    private const int NearLevels = 2;

    /// <summary>Settings whose values may be paths.</summary>
    public static IReadOnlyList<string> Keys { get; } =
        [RunSettings.ModelKey, "tokenizer", RunSettings.AdapterKey, "dataset", "eval_dataset", "template", "dataset_cache"];

    /// <summary>A value as the run's files store it: "./initial-adapter", "../rows.jsonl:train", "/models/gemma-3-1b-pt".</summary>
    /// <param name="value">An absolute path, optionally followed by a split. Any other value stays unchanged.</param>
    /// <param name="folder">The run's folder.</param>
    public static string Shorten(string value, string folder)
    {
        if (!Path.IsPathFullyQualified(value)) return value;
        string relative = Path.GetRelativePath(Path.GetFullPath(folder), value);
        if (Path.IsPathFullyQualified(relative)) return value; // another drive
        string[] parts = relative.Split(Path.DirectorySeparatorChar);
        int levels = parts.TakeWhile(part => part == "..").Count();
        if (levels > NearLevels || IsRoot(folder, levels)) return value;
        string written = string.Join('/', parts);
        return levels == 0 ? Inside + (written == "." ? "" : written) : written;
    }

    /// <summary>The absolute path of a value in a run's file. Any other value stays unchanged.</summary>
    /// <param name="value">The value.</param>
    /// <param name="here">The folder of the file.</param>
    /// <param name="recorded">The run's folder when the file was written, or null. With it, a folder that was moved alone still finds files
    /// that were left behind.</param>
    /// <param name="exists">Whether a path, optionally followed by a split, exists.</param>
    public static string Resolve(string value, string here, string? recorded, Func<string, bool> exists)
    {
        bool isInside = value.StartsWith(Inside, StringComparison.Ordinal);
        if (!isInside && !value.StartsWith(Outside, StringComparison.Ordinal)) return value;
        string rest = (isInside ? value[Inside.Length..] : value).Replace('/', Path.DirectorySeparatorChar);
        string near = isInside ? Path.Combine(here, rest) : Path.GetFullPath(Path.Combine(here, rest));
        if (recorded is null || exists(near)) return near;
        string former = Path.GetFullPath(Path.Combine(recorded, rest));
        return exists(former) ? former : near;
    }

    /// <summary>The absolute path of a value in a run's file, for one who only reads about the run. Any other value stays
    /// unchanged.</summary>
    /// <param name="value">The value, optionally followed by a split.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="recorded">The run's folder when the file was written, or null.</param>
    public static string Full(string value, string folder, string? recorded)
    {
        return Resolve(value, Path.GetFullPath(folder), recorded, Exists);

        static bool Exists(string path) =>
            Path.Exists(path) || (path.LastIndexOf(':') is > 0 and var colon && Path.Exists(path[..colon]));
    }

    private static bool IsRoot(string folder, int levels)
    {
        string? ancestor = Path.GetFullPath(folder);
        for (int i = 0; i < levels; i++) ancestor = Path.GetDirectoryName(ancestor);
        return levels > 0 && (ancestor is null || Path.GetDirectoryName(ancestor) is null);
    }
}
