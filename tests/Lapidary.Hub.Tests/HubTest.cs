using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

/// <summary>A test with a strict server of its own, on loopback, and a cache of its own. At its end no request was one that no client
/// makes, and the token is in no file.</summary>
public abstract class HubTest : IAsyncLifetime
{
    private protected static readonly HubRepo Repo = new("acme/tiny");

    private HubServer? _server;
    private HubRepository? _repository;

    private protected TestFolder Folder { get; } = new();

    private protected HubServer Server => _server!;

    private protected HubRepository Seeded => _repository!;

    /// <summary>What the client said to the user.</summary>
    private protected List<string> Notes { get; } = [];

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected HubOptions Options { get; set; } = null!;

    /// <summary>A file of 3 MB that LFS has, a small one in a folder, an empty one.</summary>
    public virtual async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary, Cancellation);
        _repository = Server.AddRepository(Repo.Id);
        Seeded.AddFiles(
            ("config.json", "{\"a\": 1}"), ("sub/deep/notes.txt", "notes"), ("empty.txt", ""),
            ("model.safetensors", HubContent.Generate(3_000_001, seed: 5)));
        Options = new HubOptions
        {
            Endpoint = new Uri(Server.ApiUrl),
            CacheFolder = Folder.At("hub"),
            HomeFolder = Folder.At("home"),
            Token = new HubToken(HubTokens.Read, "HF_TOKEN"),
            MetadataTimeout = TimeSpan.FromSeconds(20),
            Time = new NoWaits(),
            Note = note =>
            {
                lock (Notes) Notes.Add(note);
            },
        };
    }

    public virtual async ValueTask DisposeAsync()
    {
        try
        {
            Assert.Empty(Server.Violations);
            foreach (string file in Folder.Files("")) Assert.DoesNotContain(HubTokens.Mark, File.ReadAllText(Folder.At(file)));
            Assert.DoesNotContain(HubTokens.Mark, string.Join('\n', Notes));
            Assert.DoesNotContain(Server.Requests, request => request.HasAuthorization && request.Host != HubHost.Api);
        }
        finally
        {
            await Server.DisposeAsync();
            Folder.Dispose();
            GC.SuppressFinalize(this);
        }
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
