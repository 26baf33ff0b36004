using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

/// <summary>A test of downloads: a repository, and a cache that is empty.</summary>
public abstract class HubTest() : ServerTest(HubServerOptions.ForLapidary, HubTokens.Read, new NoWaits())
{
    private protected static readonly HubRepo Repo = new("acme/tiny");

    private HubRepository? _repository;

    private protected HubRepository Seeded => _repository!;

    /// <summary>A file of 3 MB that LFS has, a small one in a folder, an empty one.</summary>
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Options = Options with { MetadataTimeout = TimeSpan.FromSeconds(20), TransferTimeout = TimeSpan.FromSeconds(10) };
        _repository = Server.AddRepository(Repo.Id);
        Seeded.AddFiles(
            ("config.json", "{\"a\": 1}"), ("sub/deep/notes.txt", "notes"), ("empty.txt", ""),
            ("model.safetensors", HubContent.Generate(3_000_001, seed: 5)));
    }

    private protected HubClient Client(HubOptions? options = null) => new(options ?? Options);

    /// <summary>Downloads into the cache.</summary>
    private protected async Task<Snapshot> DownloadAsync(DownloadOptions? wanted = null, HubOptions? options = null)
    {
        using var client = Client(options);
        return await client.DownloadAsync(Repo, wanted, Cancellation);
    }

    /// <summary>The error of a download: one line, without the token.</summary>
    private protected async Task<HubException> FailAsync(DownloadOptions? wanted = null, HubOptions? options = null, HubRepo? repo = null)
    {
        using var client = Client(options);
        var error = await Assert.ThrowsAsync<HubException>(() => client.DownloadAsync(repo ?? Repo, wanted, Cancellation));
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain(HubTokens.Mark, error.ToString());
        return error;
    }

    /// <summary>The content of a file of main.</summary>
    private protected byte[] Content(string path) => Seeded.Head.Files[path].Content.ToArray();

    /// <summary>Contents and parts of the cache, by name.</summary>
    private protected string[] Blobs => Folder.Files("hub/models--acme--tiny/blobs");

    private protected string PartOf(string path) =>
        Folder.At($"hub/models--acme--tiny/blobs/{Seeded.Head.Files[path].Hash}.lapidary.incomplete");
}
