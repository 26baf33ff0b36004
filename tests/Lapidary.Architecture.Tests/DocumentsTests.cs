using System.Text.Json;
using System.Text.RegularExpressions;
using Lapidary.Tests;

namespace Lapidary.Architecture.Tests;

/// <summary>Documents name files that exist and packages that are used.</summary>
public partial class DocumentsTests
{
    public static TheoryData<string> Documents => new(Directory.GetFiles(Fixtures.Repository, "*.md")
        .Concat(Directory.GetFiles(Path.Combine(Fixtures.Repository, "docs"), "*.md", SearchOption.AllDirectories))
        .Select(file => Path.GetRelativePath(Fixtures.Repository, file).Replace('\\', '/')).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_LeadToFilesAndHeadings(string document)
    {
        string path = Path.Combine(Fixtures.Repository, document);
        var broken =
            from match in Link().Matches(File.ReadAllText(path))
            let link = match.Groups[1].Value
            where !link.Contains("://", StringComparison.Ordinal) && !link.StartsWith("mailto:", StringComparison.Ordinal)
            let parts = link.Split('#')
            let target = parts[0].Length == 0 ? path : Path.GetFullPath(parts[0], Path.GetDirectoryName(path)!)
            where !Path.Exists(target) || (parts.Length > 1 && !Anchors(target).Contains(parts[1]))
            select link;
        Assert.Empty(broken);
    }

    [Fact]
    public void Contributing_NamesFilesThatExist()
    {
        string text = File.ReadAllText(Path.Combine(Fixtures.Repository, "CONTRIBUTING.md"));
        string[] paths = [.. RepositoryPath().Matches(text).Select(match => match.Groups[1].Value.TrimEnd('.'))];
        Assert.True(paths.Length > 20);
        Assert.DoesNotContain(paths, path => !Path.Exists(Path.Combine(Fixtures.Repository, path))
            && !File.Exists(Path.Combine(Fixtures.Repository, path + ".cs")));
    }

    [Fact]
    public void Notices_ListThePackagesThatAreDistributed()
    {
        string objects = Path.Combine(Fixtures.Repository, "artifacts", "obj");
        string[] projects = [.. Directory.GetDirectories(SourceTree.Root).Select(folder => Path.GetFileName(folder))
            .Select(project => Path.Combine(objects, project, "project.assets.json")).Where(File.Exists)];
        Assert.SkipWhen(projects.Length == 0, "What restore resolved is not on this machine.");
        var used = projects.SelectMany(PackagesWithFiles).Distinct().Order(StringComparer.OrdinalIgnoreCase);
        string text = File.ReadAllText(Path.Combine(Fixtures.Repository, "THIRD-PARTY-NOTICES.md"));
        var listed = PackageRow().Matches(text).Select(row => $"{row.Groups[1].Value}/{row.Groups[2].Value}");
        Assert.Equal(used, listed.Order(StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Files of other projects that are compiled in lie beside their licence, NAME.LICENSE, and the notices name each of
    /// them.</summary>
    [Fact]
    public void Notices_NameTheFilesOfOthersInTheSources()
    {
        string text = File.ReadAllText(Path.Combine(Fixtures.Repository, "THIRD-PARTY-NOTICES.md"));
        string[] licences = Directory.GetFiles(SourceTree.Root, "*.LICENSE", SearchOption.AllDirectories);
        Assert.NotEmpty(licences);
        foreach (string licence in licences)
        {
            string[] files = Directory.GetFiles(Path.GetDirectoryName(licence)!, Path.GetFileNameWithoutExtension(licence) + ".*");
            Assert.True(files.Length > 1, $"{licence} is the licence of nothing");
            Assert.All(files, file => Assert.Contains($"`{Path.GetFileName(file)}`", text, StringComparison.Ordinal));
        }
    }

    /// <summary>Packages of which a build copies files, as "name/version".</summary>
    private static IEnumerable<string> PackagesWithFiles(string assetsFile)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(assetsFile));
        var target = json.RootElement.GetProperty("targets").EnumerateObject().First(target => !target.Name.Contains('/')).Value;
        return [.. target.EnumerateObject()
            .Where(library => library.Value.GetProperty("type").GetString() == "package"
                && library.Value.TryGetProperty("runtime", out var files)
                && files.EnumerateObject().Any(file => !file.Name.EndsWith("/_._", StringComparison.Ordinal)))
            .Select(library => library.Name)];
    }

    /// <summary>Names of a document's headings in links; empty for files that are no documents.</summary>
    private static string[] Anchors(string file) => !file.EndsWith(".md", StringComparison.Ordinal) ? [] :
        [.. Heading().Matches(File.ReadAllText(file)).Select(match => NoAnchor()
            .Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`((?:src|tests|eng|bench|docs|samples|\.github|\.ci)/[\w./-]+)`")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"^\| ([\w.]+) \| (\d[\w.-]*) \|", RegexOptions.Multiline)]
    private static partial Regex PackageRow();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NoAnchor();
}
