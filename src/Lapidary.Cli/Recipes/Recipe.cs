namespace Lapidary.Cli.Recipes;

/// <summary>The built-in settings files: the files of the repository's folder runs, for users who have the tool alone.</summary>
internal static class Recipe
{
    private const string Folder = "runs/", Extension = ".yaml";

    /// <summary>Their names: gemma-3-1b-text-to-sql.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(Recipe).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => name[Folder.Length..^Extension.Length]).Order(StringComparer.Ordinal),
    ];

    /// <summary>The text of a name; null if there is no such recipe.</summary>
    public static string? Find(string name)
    {
        using var stream = Names.Contains(name) ? typeof(Recipe).Assembly.GetManifestResourceStream(Folder + name + Extension) : null;
        if (stream is null) return null;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The name that a path of a missing file ends with; null if it is none.</summary>
    public static string? Like(string path) => Names.FirstOrDefault(name => Path.GetFileNameWithoutExtension(path) == name);
}
