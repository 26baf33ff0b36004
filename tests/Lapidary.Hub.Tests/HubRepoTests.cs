using Lapidary.Formats;

namespace Lapidary.Hub.Tests;

public sealed class HubRepoTests
{
    [Theory]
    [InlineData("google/gemma-3-1b-pt")]
    [InlineData("gpt2")]
    [InlineData("A_b.c/9")]
    public void IdsOfTheHubAreTaken(string id) => Assert.Equal(id, new HubRepo(id).Id);

    [Theory]
    [InlineData("")]
    [InlineData("a/b/c")]
    [InlineData("a--b/c")]
    [InlineData("a/../b")]
    [InlineData("a/b.git")]
    [InlineData("-a/b")]
    [InlineData("a/b.")]
    [InlineData("a/b c")]
    [InlineData("a/")]
    [InlineData("C:\\a")]
    public void OthersAreRefused(string id) => Assert.Throws<LapidaryException>(() => new HubRepo(id));
}
