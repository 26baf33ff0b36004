using Lapidary.Formats;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

public sealed class OfflineTests : HubTest
{
    private HubOptions Offline => Options with { IsOffline = true };

    [Fact]
    public async Task WhatIsCached_IsFoundWithoutARequest()
    {
        var online = await DownloadAsync();
        Server.RefusesAll = true;
        Server.ClearLog();
        var offline = await DownloadAsync(options: Offline);
        Assert.Equal(online with { TransferredBytes = 0 }, offline);
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Include = ["*.json"] }, Offline)).Files);
        Assert.Equal(online.Path, (await DownloadAsync(new DownloadOptions { Revision = online.Commit }, Offline)).Path);
        using var client = Client(Offline);
        Assert.Equal(
            Path.Combine(online.Path, "config.json"),
            await client.DownloadFileAsync(Repo, "config.json", cancellation: Cancellation));
        Assert.Equal(5, (await client.ListFilesAsync(Repo, cancellation: Cancellation)).Count);
        Assert.Equal(online.Path, await client.ResolveAsync("acme/tiny", RepoType.Model, cancellation: Cancellation));
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task WhatIsNotCached_IsOneLine()
    {
        await DownloadAsync(new DownloadOptions { Include = ["*.json"] });
        Server.RefusesAll = true;
        var error = await FailAsync(options: Offline);
        Assert.Equal(HubError.Offline, error.Error);
        Assert.Contains("offline", error.Message);
        Assert.Contains(".gitattributes and 3 more", error.Message);
        error = await FailAsync(new DownloadOptions { Revision = "v1" }, Offline);
        Assert.Contains("\"v1\"", error.Message);
        error = await FailAsync(options: Offline, repo: new HubRepo("acme/other"));
        Assert.Contains("acme/other", error.Message);
        using var client = Client(Offline);
        error = await Assert.ThrowsAsync<HubException>(() => client.DownloadFileAsync(Repo, "empty.txt", cancellation: Cancellation));
        Assert.Equal(HubError.Offline, error.Error);
        error = await Assert.ThrowsAsync<HubException>(() => client.GetInfoAsync(Repo, cancellation: Cancellation));
        Assert.Equal(HubError.Offline, error.Error);
        error = await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("acme/other", RepoType.Model, cancellation: Cancellation));
        Assert.Contains("no folder \"acme/other\"", error.Message);
    }

    [Fact]
    public async Task ADeadNetwork_FallsBackToTheCache_WithOneNote()
    {
        var online = await DownloadAsync();
        Server.Add(HubFault.Drop("*") with { Times = HubFault.Always });
        var cached = await DownloadAsync();
        Assert.Equal((online.Path, online.Files), (cached.Path, cached.Files));
        Assert.Contains("cached", Assert.Single(Notes));
        using var client = Client();
        await client.DownloadFileAsync(Repo, "config.json", cancellation: Cancellation);
        await client.ListFilesAsync(Repo, cancellation: Cancellation);
        Assert.Equal(3, Notes.Count);
        Assert.Equal(HubError.Unreachable, (await FailAsync(new DownloadOptions { Revision = "v1" })).Error);
        Assert.Equal(HubError.Unreachable, (await FailAsync(new DownloadOptions { Force = true })).Error);
    }

    [Fact]
    public async Task Refusals_AreAnswers()
    {
        await DownloadAsync();
        Seeded.IsDisabled = true;
        Assert.Equal(HubError.Disabled, (await FailAsync()).Error);
        Assert.Empty(Notes);
    }

    [Fact]
    public async Task ACacheOfPythons_WithoutAList_IsRead()
    {
        var online = await DownloadAsync();
        Directory.Delete(Folder.At("hub/models--acme--tiny/trees"), recursive: true);
        File.AppendAllText(Folder.At("hub/models--acme--tiny/refs/main"), "\n");
        Assert.Equal(5, (await DownloadAsync(options: Offline)).Files);
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Include = ["sub/*"] }, Offline)).Files);
        Server.ClearLog();
        Assert.Equal(online.Path, (await DownloadAsync(new DownloadOptions { Revision = online.Commit })).Path);
        Assert.DoesNotContain(Server.Requests, request => request.Path.Contains("/resolve/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AFolder_GoesBeforeAnId_AndAPathIsNoId()
    {
        using var client = Client();
        Directory.CreateDirectory(Folder.At("model"));
        Assert.Equal(Folder.At("model"), await client.ResolveAsync(Folder.At("model"), RepoType.Model, cancellation: Cancellation));
        Assert.Empty(Server.Requests);
        foreach (string path in (string[])[Folder.At("none"), "./none", "a/b/c", "none/", "..\\none"])
        {
            var error = await Assert.ThrowsAsync<LapidaryException>(
                () => client.ResolveAsync(path, RepoType.Model, cancellation: Cancellation));
            Assert.Contains("expected a folder", error.Message);
        }

        File.WriteAllText(Folder.At("file"), "");
        Assert.Contains("file", (await Assert.ThrowsAsync<LapidaryException>(
            () => client.ResolveAsync(Folder.At("file"), RepoType.Model, cancellation: Cancellation))).Message);
        await Assert.ThrowsAsync<LapidaryException>(() => client.ResolveAsync("a b", RepoType.Model, cancellation: Cancellation));
        Assert.Contains("no folder \"acme/none\"", (await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("acme/none", RepoType.Model, cancellation: Cancellation))).Message);

        string commit = Seeded.Head.Oid;
        Seeded.SetTag("v1");
        Seeded.AddFile("new.txt", "new");
        Assert.EndsWith(commit, await client.ResolveAsync("acme/tiny@v1", RepoType.Model, cancellation: Cancellation));
    }
}
