using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Sources;

public class ModelSourceTests
{
    private static readonly string Commit = new('a', 40);

    [Fact]
    public void AFolder_IsTakenAsItIs()
    {
        string folder = Fixtures.Path("tiny/model");
        Assert.Equal(new ModelSource(folder, folder), ModelSource.Find(folder, HubFiles.Model));
        Assert.Null(ModelSource.ReferenceOf(folder, HubFiles.Model));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("google/../x")]
    [InlineData("./x")]
    [InlineData("x")]
    [InlineData("/no/such/folder")]
    public void WhatCanOnlyBeAPath_IsMissed(string name)
    {
        var error = Assert.Throws<LapidaryException>(() => ModelSource.ReferenceOf(name, HubFiles.Model));
        Assert.Contains($"{name}: expected a model folder (with config.json) or an id", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ABase_IsNamedAsPeftDoes()
    {
        Assert.Equal(("google/gemma-3-1b-pt", null), ModelSource.BaseOf("google/gemma-3-1b-pt"));
        Assert.Equal(("google/gemma-3-1b-pt", "v1"), ModelSource.BaseOf("google/gemma-3-1b-pt@v1"));
        Assert.Equal(("some where/x", null), ModelSource.BaseOf("some where/x"));
        var config = new LoraConfig().WithBase("google/gemma-3-1b-pt@v1");
        Assert.Equal(("google/gemma-3-1b-pt", "v1"), (config.BaseModelNameOrPath, config.Revision));
    }

    [Fact]
    public void AFolderOfTheCache_TellsItsIdAndCommit()
    {
        string folder = $"/c/hub/models--google--gemma-3-1b-pt/snapshots/{Commit}/";
        Assert.Equal($"google/gemma-3-1b-pt@{Commit}", ModelSource.CachedAs(folder)?.ToString());
        Assert.Null(ModelSource.CachedAs($"/c/hub/models--google--gemma-3-1b-pt/blobs/{Commit}"));
        Assert.Null(ModelSource.CachedAs("/c/hub/models--google--gemma-3-1b-pt/snapshots/main"));
        Assert.Null(ModelSource.CachedAs("model"));
    }

    [Fact]
    public void AShortName_IsTheIdOrTheFolders()
    {
        Assert.Equal("google/gemma-3-1b-pt", ModelSource.ShortName("google/gemma-3-1b-pt@v1"));
        Assert.Equal("model", ModelSource.ShortName(Fixtures.Path("tiny/model") + "/"));
    }
}
