using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Tests;

public sealed class RepoPathsTests
{
    private static readonly HubRepo Repo = new("owner/name");

    [Theory]
    [InlineData("README.md", "readme.md")]
    [InlineData("a/x", "A/y")]
    public void Case_CountsWhereTheFileSystemSaysSo(string first, string second)
    {
        RepoPaths.Require(Repo, [first, second], ignoresCase: false);
        var error = Assert.Throws<HubException>(() => RepoPaths.Require(Repo, [first, second], ignoresCase: true));
        Assert.Contains("case", error.Message);
    }

    [Fact]
    public void NamesTwice_AndFilesThatAreFolders_AreRefused()
    {
        Assert.Throws<HubException>(() => RepoPaths.Require(Repo, ["a", "a"], ignoresCase: false));
        Assert.Contains("\"a\"", Assert.Throws<HubException>(() => RepoPaths.Require(Repo, ["a", "a/b"], ignoresCase: false)).Message);
    }

    [Fact]
    public void OrdinaryNames_AreTaken() => RepoPaths.Require(
        Repo, [".gitattributes", "a b", "...", "..a", "a..", "12:30.txt", "ü", "aux_loss.py", "console.log", "COM10"], ignoresCase: false);

    [Fact]
    public void LongParts_AreRefused() =>
        Assert.Throws<HubException>(() => RepoPaths.Require(Repo, [new string('ü', 128)], ignoresCase: false));

    [Theory]
    [InlineData("*.txt", "a/b.txt", true)]
    [InlineData("*.TXT", "a/b.txt", false)]
    [InlineData("a/", "a/b/c", true)]
    [InlineData("a", "a/b", false)]
    [InlineData("?.txt", "b.txt", true)]
    [InlineData("model-0000[1-3]-*", "model-00002-of-00003", true)]
    [InlineData("[!a]*", "abc", false)]
    [InlineData("[!a]*", "bbc", true)]
    [InlineData("[]x]", "]", true)]
    [InlineData("[ab", "[ab", true)]
    [InlineData("[z-a]", "b", false)]
    [InlineData("[!z-a]", "b", true)]
    [InlineData("a[^]b", "a^b", true)]
    [InlineData("a.c", "abc", false)]
    [InlineData("a\\b*", "a/bc", true)]
    public void Patterns_AreThoseOfFnmatch(string pattern, string path, bool expected) =>
        Assert.Equal(expected, new FilePatterns([pattern]).Match(path));
}
