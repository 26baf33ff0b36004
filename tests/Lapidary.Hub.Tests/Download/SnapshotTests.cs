using Lapidary.Formats;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

public sealed class SnapshotTests : HubTest
{
    [Fact]
    public async Task EveryFileComes_ThenNothing_ThenNoRequestByCommit()
    {
        var first = await DownloadAsync();
        Assert.Equal((5, first.Bytes), (first.Files, first.TransferredBytes));
        Assert.Equal(Seeded.Head.Oid, first.Commit);
        foreach (string path in Seeded.Head.Files.Keys)
            Assert.Equal(Content(path), File.ReadAllBytes(Path.Combine(first.Path, path)));
        Assert.All(Server.Requests, request => Assert.StartsWith("lapidary/", request.Headers["User-Agent"]));
        Assert.All(Server.Requests, request => Assert.True(Guid.TryParse(request.Headers["X-Amzn-Trace-Id"], out _)));
        Assert.All(Server.Requests, request => Assert.Equal("1", request.Headers["X-HF-Download-Counter"]));

        Server.ClearLog();
        var second = await DownloadAsync();
        Assert.Equal((first.Path, first.Files, first.Bytes, 0), (second.Path, second.Files, second.Bytes, (int)second.TransferredBytes));
        Assert.Equal($"/api/models/acme/tiny/revision/main", Assert.Single(Server.Requests).Path);

        Server.ClearLog();
        Assert.Equal(first.Path, (await DownloadAsync(new DownloadOptions { Revision = first.Commit })).Path);
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task ANewCommit_KeepsWhatIsTheSame()
    {
        var old = await DownloadAsync();
        Seeded.AddFile("config.json", "{\"a\": 2}");

        var now = await DownloadAsync();

        Assert.Equal(8, now.TransferredBytes);
        Assert.Equal("{\"a\": 2}", File.ReadAllText(Path.Combine(now.Path, "config.json")));
        Assert.Equal("{\"a\": 1}", File.ReadAllText(Path.Combine(old.Path, "config.json")));
        Assert.Equal(now.Commit, File.ReadAllText(Folder.At("hub/models--acme--tiny/refs/main")));
    }

    [Fact]
    public async Task Patterns_CrossFolders()
    {
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Include = ["*.safetensors"] })).Files);
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Include = ["*notes.txt"] })).Files);
        Assert.Equal(2, (await DownloadAsync(new DownloadOptions { Include = ["*.txt", "sub/"] })).Files);
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Include = ["*.txt"], Exclude = ["sub/*"] })).Files);
        Assert.Equal(1, (await DownloadAsync(new DownloadOptions { Filter = file => file.Path == "config.json" })).Files);
    }

    [Fact]
    public async Task APatternThatMatchesNothing_IsNamed()
    {
        using var client = Client();
        var error = await Assert.ThrowsAsync<LapidaryException>(() => client.DownloadAsync(
            Repo, new DownloadOptions { Include = ["config.json", "*.gguf"] }, Cancellation));
        Assert.Contains("\"*.gguf\"", error.Message);
        Assert.Empty(Blobs);
    }

    [Fact]
    public async Task Branches_Tags_AndPullRequests_HaveRefs()
    {
        string first = Seeded.Head.Oid;
        Seeded.SetTag("v1");
        Seeded.SetRef("refs/pr/1");
        Seeded.AddFile("new.txt", "new");
        foreach (string revision in (string[])["v1", "refs/pr/1"])
        {
            Assert.Equal(first, (await DownloadAsync(new DownloadOptions { Revision = revision })).Commit);
            Assert.Equal(first, File.ReadAllText(Folder.At($"hub/models--acme--tiny/refs/{revision}")));
        }
    }

    [Fact]
    public async Task OneFile_IsFetchedByAHead_AndAnAbsentOneIsNoted()
    {
        using var client = Client();
        string path = await client.DownloadFileAsync(Repo, "sub/deep/notes.txt", cancellation: Cancellation);
        Assert.Equal("notes", File.ReadAllText(path));
        Assert.Equal("HEAD", Server.Requests[0].Method);
        Assert.Equal(path, await client.DownloadFileAsync(Repo, "sub/deep/notes.txt", cancellation: Cancellation));
        string model = await client.DownloadFileAsync(Repo, "model.safetensors", cancellation: Cancellation);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(model));

        var error = await Assert.ThrowsAsync<HubException>(
            () => client.DownloadFileAsync(Repo, "chat_template.jinja", cancellation: Cancellation));
        Assert.Equal(HubError.FileNotFound, error.Error);
        Assert.Contains("chat_template.jinja", error.Message);
        Assert.True(File.Exists(Folder.At($"hub/models--acme--tiny/.no_exist/{Seeded.Head.Oid}/chat_template.jinja")));
    }

    [Fact]
    public async Task InfoFilesAndRefs_AreTold()
    {
        Seeded.SetRef("refs/convert/parquet");
        Seeded.SetTag("v1");
        using var client = Client();
        var info = await client.GetInfoAsync(Repo, cancellation: Cancellation);
        Assert.Equal((Repo.Id, Seeded.Head.Oid, false, false), (info.Id, info.Commit, info.IsPrivate, info.IsGated));
        var files = await client.ListFilesAsync(Repo, cancellation: Cancellation);
        Assert.Equal(Seeded.Head.Files.Keys, files.Select(file => file.Path));
        Assert.Equal(
            Seeded.Head.Files.Values.Select(file => (file.Size, file.Oid, file.IsLfs ? file.Hash : null)),
            files.Select(file => (file.Size, file.BlobId, file.Sha256)));
        var refs = await client.ListRefsAsync(Repo, Cancellation);
        Assert.Equal(["main", "refs/convert/parquet", "v1"], refs.Keys);
    }

    [Fact]
    public async Task RenamedRepositories_KeepTheNameThatWasAskedFor()
    {
        Server.Rename(Repo.Id, "acme/renamed");
        var snapshot = await DownloadAsync();
        Assert.Contains("models--acme--tiny", snapshot.Path);
        Assert.Equal(5, snapshot.Files);
    }

    [Fact]
    public async Task ManyFiles_ComeInPages_OverFewConnections()
    {
        Seeded.AddFiles([.. Enumerable.Range(0, 1500).Select(i => ($"data/{i:0000}.txt", HubContent.FromText($"{i}")))]);
        var progress = new Reports();
        var snapshot = await DownloadAsync(new DownloadOptions { Progress = progress });
        Assert.Equal(1505, snapshot.Files);
        var last = progress.All[^1];
        Assert.Equal((1505, 1505, snapshot.Bytes, snapshot.Bytes), (last.Files, last.TotalFiles, last.Bytes, last.TotalBytes));
        Assert.Equal("1499", File.ReadAllText(Path.Combine(snapshot.Path, "data/1499.txt")));
    }

    [Fact]
    public async Task NamesThatAddressesEncode_Come()
    {
        string[] names = ["a b#c%d?e.txt", "ü/日本 語.txt", "a+b&c=d;e.txt", "100%25.txt", "[x]{y}.txt"];
        Seeded.AddFiles([.. names.Select(name => (name, HubContent.FromText(name)))]);
        var snapshot = await DownloadAsync();
        foreach (string name in names) Assert.Equal(name, File.ReadAllText(Path.Combine(snapshot.Path, name)));
    }

    [Fact]
    public async Task DataSets_HaveAddressesOfTheirOwn()
    {
        var data = Server.AddRepository("acme/rows", HubRepoKind.Dataset);
        data.AddFile("train.parquet", HubContent.Generate(5000));
        using var client = Client();
        var snapshot = await client.DownloadAsync(new HubRepo("acme/rows", RepoType.Dataset), cancellation: Cancellation);
        Assert.Equal(Folder.At($"hub/datasets--acme--rows/snapshots/{data.Head.Oid}"), snapshot.Path);
        var error = await FailAsync(repo: new HubRepo("acme/rows"));
        Assert.Equal(HubError.RepositoryNotFound, error.Error);
    }

    [Fact]
    public async Task OneContentUnderTwoNames_ComesOnce()
    {
        Seeded.AddFile("copy.safetensors", HubContent.FromBytes(Content("model.safetensors")));
        var snapshot = await DownloadAsync();
        Assert.Equal(snapshot.Bytes - 3_000_001, snapshot.TransferredBytes);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(snapshot.Path, "copy.safetensors")));
    }

    [Fact]
    public async Task ListingAndFetching_AskOnceForTheList()
    {
        using var client = Client();
        var files = await client.ListFilesAsync(Repo, cancellation: Cancellation);
        await client.DownloadAsync(Repo, new DownloadOptions { Filter = file => file == files[1] }, Cancellation);
        Assert.Single(Server.Requests, request => request.Path.Contains("/tree/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Force_FetchesAgain()
    {
        var first = await DownloadAsync();
        var again = await DownloadAsync(new DownloadOptions { Force = true });
        Assert.Equal(first.Bytes, again.TransferredBytes);
        Assert.Equal(Content("model.safetensors"), File.ReadAllBytes(Path.Combine(again.Path, "model.safetensors")));
    }

    internal sealed class Reports : IProgress<TransferProgress>
    {
        public List<TransferProgress> All { get; } = [];

        public void Report(TransferProgress value) => All.Add(value);
    }
}
