namespace Lapidary.Training.Checkpoints;

/// <summary>Paths of a run's settings as its files have them: what lies in the run's folder or near it is named from there, so that a tree
/// that is moved or mounted elsewhere works; what lies far away has its whole path.</summary>
internal static class RunPaths
{
    /// <summary>How a path begins that is named from the run's folder. No id and no name of a template does.</summary>
    private const string Inside = "./", Outside = "../";

    /// <summary>Levels above the run's folder that still are near it.</summary>
    private const int NearLevels = 2;

    /// <summary>Settings whose values may be paths.</summary>
    public static IReadOnlyList<string> Keys { get; } =
        ["model", "tokenizer", RunSettings.AdapterKey, "dataset", "eval_dataset", "template", "dataset_cache"];

    /// <summary>A value as the files of a run have it: "./initial-adapter", "../rows.jsonl:train", "/models/gemma-3-1b-pt".</summary>
    /// <param name="value">An absolute path, perhaps with a split behind it; anything else stays.</param>
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

    /// <summary>The path that a value of a run's file means; any other value stays.</summary>
    /// <param name="value">The value.</param>
    /// <param name="here">Where the file lies.</param>
    /// <param name="recorded">Where the run's folder was when the file was written, or null: a folder that was moved alone still finds
    /// what it left behind.</param>
    /// <param name="exists">Whether a path, perhaps with a split behind it, is there.</param>
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

    private static bool IsRoot(string folder, int levels)
    {
        string? ancestor = Path.GetFullPath(folder);
        for (int i = 0; i < levels; i++) ancestor = Path.GetDirectoryName(ancestor);
        return levels > 0 && (ancestor is null || Path.GetDirectoryName(ancestor) is null);
    }
}
