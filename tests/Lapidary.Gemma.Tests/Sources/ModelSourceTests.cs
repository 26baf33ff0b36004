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

    /// <summary>A folder above models, as that of a demonstration, names them. One that is a model itself is taken, whatever lies in
    /// it.</summary>
    [Fact]
    public void AFolderAboveModels_NamesThem()
    {
        string folder = Fixtures.TemporaryFolder();
        Put("data/rows.jsonl");
        Assert.Null(ModelSource.ReferenceOf(folder, HubFiles.Model)); // the missing file says it
        foreach (string file in new[] { "model/config.json", "merged/config.json", "adapter/adapter_config.json" }) Put(file);

        Refuses(
            HubFiles.Model,
            $"a model folder (with config.json), found a folder that holds {At("merged")}, {At("model")}; give one of them.");
        Refuses(HubFiles.Description, "give one of them.");
        Refuses(HubFiles.Adapter, $"an adapter folder (with adapter_config.json), found a folder that holds {At("adapter")}; give that.");
        Assert.Null(ModelSource.ReferenceOf(folder, HubFiles.Tokenizer));

        for (int i = 0; i < 4; i++) Put($"run-{i}/config.json");
        Refuses(HubFiles.Model, $"{At("run-0")}, {At("run-1")} and 2 more; give one of them.");
        Put("config.json");
        Put("started/checkpoint-5/config.json");
        Assert.Null(ModelSource.ReferenceOf(At("started"), HubFiles.Model));
        Assert.Null(ModelSource.ReferenceOf(folder, HubFiles.Model));

        string At(string name) => Path.Combine(folder, name);

        void Put(string name)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
            File.WriteAllText(At(name), "{}");
        }

        void Refuses(HubFiles files, string words)
        {
            var error = Assert.Throws<LapidaryException>(() => ModelSource.ReferenceOf(folder, files));
            Assert.StartsWith($"{folder}: expected ", error.Message, StringComparison.Ordinal);
            Assert.EndsWith(words, error.Message, StringComparison.Ordinal);
        }
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
