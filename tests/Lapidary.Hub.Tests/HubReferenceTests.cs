namespace Lapidary.Hub.Tests;

public class HubReferenceTests
{
    [Theory]
    [InlineData("google/gemma-3-1b-pt", "google/gemma-3-1b-pt", null)]
    [InlineData("google/gemma-3-1b-pt@main", "google/gemma-3-1b-pt", "main")]
    [InlineData("a/b@refs/pr/1", "a/b", "refs/pr/1")]
    public void TryParse_TakesIdAndRevisionApart(string text, string id, string? revision)
    {
        Assert.True(HubReference.TryParse(text, RepoType.Model, out var reference));
        Assert.Equal((id, revision, text), (reference.Repo.Id, reference.Revision, reference.ToString()));
    }

    [Theory]
    [InlineData("gemma")]
    [InlineData("a/b@")]
    [InlineData("a/b@x y")]
    [InlineData("@main")]
    [InlineData("./a")]
    [InlineData("../a")]
    [InlineData("/a/b")]
    [InlineData("a/b/c")]
    [InlineData("C:\\a/b")]
    [InlineData("")]
    public void TryParse_OfWhatCanOnlyBeAPath_IsNone(string text) =>
        Assert.False(HubReference.TryParse(text, RepoType.Model, out _));
}
