using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Packages.Tests;

/// <summary>The C# of README.md, of the packages' own, and of docs.</summary>
internal static partial class ReadMe
{
    /// <summary>The pages that have any, as paths from the repository's root.</summary>
    public static IReadOnlyList<string> Pages() =>
    [
        .. Directory.GetFiles(Fixtures.Repository, "*.md")
            .Concat(new[] { "docs", "samples", "src", "runs" }.SelectMany(folder =>
                Directory.GetFiles(Path.Combine(Fixtures.Repository, folder), "*.md", SearchOption.AllDirectories)))
            .Select(file => Path.GetRelativePath(Fixtures.Repository, file).Replace('\\', '/'))
            .Where(page => Snippets(page).Count > 0)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The C# blocks of a page, as they would be pasted.</summary>
    /// <param name="page">Path from the repository's root.</param>
    public static IReadOnlyList<string> Snippets(string page) =>
        [.. Block().Matches(Text(page)).Select(match => match.Groups[1].Value)];

    /// <summary>A file of the repository, with line feeds.</summary>
    public static string Text(string page) => File.ReadAllText(Path.Combine(Fixtures.Repository, page)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
