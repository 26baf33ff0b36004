using System.Text;
using Lapidary.TestHub;

namespace Lapidary.Hub.Tests.Upload;

/// <summary>A test with a strict server of its own, and a folder to upload. At its end no request was one that no client makes, and the
/// token was seen nowhere but at the Hub.</summary>
public abstract class UploadTest : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("lapidary-upload-").FullName;
    private HubServer? _server;

    private protected static readonly HubRepo Repo = new("ada/tiny");

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private protected HubServer Server => _server!;

    private protected List<string> Notes { get; } = [];

    private protected string Home => Path.Combine(_root, "home");

    private protected string Folder => Path.Combine(_root, "folder");

    private protected HubOptions Options { get; set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary with { MultipartFrom = 300_000, PartBytes = 100_000 }, Token);
        Directory.CreateDirectory(Folder);
        Options = new HubOptions
        {
            Endpoint = new Uri(Server.ApiUrl),
            CacheFolder = Path.Combine(_root, "hub"),
            HomeFolder = Home,
            Token = new HubToken(HubTokens.Write, "HF_TOKEN"),
            MetadataTimeout = TimeSpan.FromSeconds(30),
            TransferTimeout = TimeSpan.FromSeconds(30),
            Time = new ShortWaits(),
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
            Assert.All(
                Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories)
                    .Where(file => !file.StartsWith(Home, StringComparison.Ordinal)),
                file => Assert.DoesNotContain(HubTokens.Mark, File.ReadAllText(file)));
        }
        finally
        {
            await Server.DisposeAsync();
            Directory.Delete(_root, recursive: true);
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Writes a file of the folder.</summary>
    private protected string Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    private protected string Write(string path, byte[] bytes)
    {
        string file = Path.Combine(Folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
        return file;
    }

    private protected static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private protected async Task<UploadResult> UploadAsync(UploadOptions? options = null, HubRepo? repo = null)
    {
        using var client = new HubClient(Options);
        return await client.UploadAsync(Folder, repo ?? Repo, options, Token);
    }

    /// <summary>The error of an upload: one line, without the token.</summary>
    private protected async Task<T> FailAsync<T>(UploadOptions? options = null, HubRepo? repo = null) where T : Exception
    {
        var error = await Assert.ThrowsAsync<T>(() => UploadAsync(options, repo));
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain(HubTokens.Mark, error.ToString());
        return error;
    }

    private protected HubRepository There(HubRepoKind kind = HubRepoKind.Model) => Server.Find(Repo.Id, kind)!;

    private protected string[] PathsThere() =>
        [.. There().Head.Files.Keys.Where(path => path != ".gitattributes").Order(StringComparer.Ordinal)];

    private protected string TextOf(string path) => Encoding.UTF8.GetString(There().Head.Files[path].Content.ToArray());

    private protected int Count(string method, string part) =>
        Server.Requests.Count(request => request.Method == method && request.Path.Contains(part, StringComparison.Ordinal));

    /// <summary>A clock whose waits take hardly any time.</summary>
    private sealed class ShortWaits : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : dueTime / 100, period);
    }
}
