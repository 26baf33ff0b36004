using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Packages.Tests;

/// <summary>The C# of README.md and of the packages' own.</summary>
internal static partial class ReadMe
{
    /// <summary>The C# blocks of a page, as they would be pasted.</summary>
    /// <param name="page">Path from the repository's root.</param>
    public static IReadOnlyList<string> Snippets(string page) =>
        [.. Block().Matches(File.ReadAllText(Path.Combine(Fixtures.Repository, page))).Select(match => match.Groups[1].Value)];

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
