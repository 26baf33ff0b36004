using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

public sealed class LocalFolderTests : HubTest
{
    private DownloadOptions Wanted => new() { LocalDir = Folder.At("local") };

    [Fact]
    public async Task Files_AreCopies_WithNotesBesideThem()
    {
        var snapshot = await DownloadAsync(Wanted);
        Assert.Equal((Folder.At("local"), 5), (snapshot.Path, snapshot.Files));
        Assert.Null(new FileInfo(Folder.At("local/model.safetensors")).LinkTarget);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Folder.At("local/model.safetensors")));
        Assert.Equal("*", File.ReadAllText(Folder.At("local/.cache/huggingface/.gitignore")));
        string[] note = File.ReadAllLines(Folder.At("local/.cache/huggingface/download/sub/deep/notes.txt.metadata"));
        Assert.Equal([snapshot.Commit, Seeded.Head.Files["sub/deep/notes.txt"].Hash], note[..2]);
        Assert.False(Directory.Exists(Folder.At("hub")));
        Assert.DoesNotContain(Folder.Files("local"), file => file.EndsWith(".incomplete", StringComparison.Ordinal));

        Assert.Equal(0, (await DownloadAsync(Wanted)).TransferredBytes);
        Server.RefusesAll = true;
        Server.ClearLog();
        Assert.Equal(5, (await DownloadAsync(Wanted, Options with { IsOffline = true })).Files);
        Assert.Equal(5, (await DownloadAsync(Wanted with { Revision = snapshot.Commit })).Files);
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task WhatChanged_ComesAgain_AndWhatIsKnownStays()
    {
        await DownloadAsync(Wanted);
        string config = Folder.At("local/config.json");
        File.WriteAllText(config, "{\"a\": 9}");
        File.SetLastWriteTimeUtc(config, DateTime.UtcNow.AddMinutes(1));
        Assert.Equal(8, (await DownloadAsync(Wanted)).TransferredBytes);
        Assert.Equal("{\"a\": 1}", File.ReadAllText(config));

        Directory.Delete(Folder.At("local/.cache"), recursive: true);
        Assert.Equal(0, (await DownloadAsync(Wanted)).TransferredBytes);
        Seeded.AddFile("empty.txt", "full");
        Assert.Equal(4, (await DownloadAsync(Wanted)).TransferredBytes);
        Assert.Equal("full", File.ReadAllText(Folder.At("local/empty.txt")));
    }

    [Fact]
    public async Task TheCache_IsCopiedFrom_AndOneFileComesAlone()
    {
        await DownloadAsync();
        Assert.Equal(0, (await DownloadAsync(Wanted)).TransferredBytes);
        using var client = Client();
        string path = await client.DownloadFileAsync(
            Repo, "config.json", new DownloadOptions { LocalDir = Folder.At("other") }, Cancellation);
        Assert.Equal(Folder.At("other/config.json"), path);
        var error = await Assert.ThrowsAsync<HubException>(() => client.DownloadFileAsync(Repo, "none", Wanted, Cancellation));
        Assert.Equal(HubError.FileNotFound, error.Error);
    }

    [Fact]
    public async Task NamesOfNotes_AreHostile()
    {
        Seeded.Commit("evil", [new HubFile(".cache/huggingface/download/config.json.metadata", "x", IsLfs: false)]);
        Assert.Equal(HubError.WrongContent, (await FailAsync(Wanted)).Error);
        Assert.Equal(6, (await DownloadAsync()).Files);
    }
}
