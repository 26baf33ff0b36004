using Lapidary.TestHub;

namespace Lapidary.Hub.Tests;

/// <summary>A test with a strict server of its own, on loopback, and folders of its own. At its end no request was one that no client
/// makes, and the token was seen nowhere but at the Hub and in its own files.</summary>
/// <param name="rules">What the server checks.</param> <param name="token">Who asks.</param> <param name="time">The clock.</param>
public abstract class ServerTest(HubServerOptions rules, string token, TimeProvider time) : IAsyncLifetime
{
    private HubServer? _server;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected TestFolder Folder { get; } = new();

    /// <summary>The folder of the token files.</summary>
    private protected string Home => Folder.At("home");

    private protected HubServer Server => _server!;

    /// <summary>What the client said to the user.</summary>
    private protected List<string> Notes { get; } = [];

    private protected HubOptions Options { get; set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync(rules, Cancellation);
        Options = new HubOptions
        {
            Endpoint = new Uri(Server.ApiUrl),
            CacheFolder = Folder.At("hub"),
            HomeFolder = Home,
            Token = new HubToken(token, "HF_TOKEN"),
            MetadataTimeout = TimeSpan.FromSeconds(30),
            TransferTimeout = TimeSpan.FromSeconds(30),
            Time = time,
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
            Assert.DoesNotContain(HubTokens.Mark, string.Join('\n', Notes));
            Assert.DoesNotContain(Server.Requests, request => request.HasAuthorization && request.Host != HubHost.Api);
            foreach (string file in Folder.Files("").Where(file => !file.StartsWith("home/", StringComparison.Ordinal)))
                Assert.DoesNotContain(HubTokens.Mark, File.ReadAllText(Folder.At(file)));
        }
        finally
        {
            await Server.DisposeAsync();
            Folder.Dispose();
            GC.SuppressFinalize(this);
        }
    }
}
