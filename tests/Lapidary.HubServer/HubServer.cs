using System.Collections.Concurrent;
using System.Net;
using Lapidary.TestHub.Accounts;
using Lapidary.TestHub.Http;
using Lapidary.TestHub.Repositories;
using Lapidary.TestHub.Uploads;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lapidary.TestHub;

/// <summary>A strict stand-in for the Hugging Face Hub on loopback: the Hub on 127.0.0.1, signed URLs on localhost. What no client should
/// do is refused with a clear 4xx and kept in <see cref="Violations"/>.</summary>
public sealed class HubServer : IAsyncDisposable
{
    private readonly Lock _faultLock = new();
    private readonly List<HubFault> _faults = [];
    private WebApplication? _app;
    private int[] _ports = [];

    private HubServer(HubServerOptions options)
    {
        Options = options;
        Signed = new SignedUrls(options.Time);
        Limiter = new RateLimiter(options.Time);
        Uploads = new UploadStore(Directory.CreateTempSubdirectory("lapidary-hubserver-").FullName, options.DiscardsUploads);
    }

    public HubServerOptions Options { get; }

    /// <summary>The Hub: what HF_ENDPOINT is set to.</summary>
    public string ApiUrl => $"http://127.0.0.1:{_ports[0]}";

    /// <summary>The host of signed URLs.</summary>
    public string StorageUrl => $"http://localhost:{_ports[1]}";

    /// <summary>A host that is neither: the same name as the Hub's, another port.</summary>
    public string ForeignUrl => $"http://127.0.0.1:{_ports[2]}";

    /// <summary>All requests in the order of arrival.</summary>
    public IReadOnlyList<HubRequest> Requests => Log.Requests;

    /// <summary>What clients did that no client should do.</summary>
    public IReadOnlyList<string> Violations => Log.Violations;

    /// <summary>No request may come: each one is a violation. For offline mode.</summary>
    public bool RefusesAll { get; set; }

    public IEnumerable<HubRepository> Repositories => Store.All;

    internal RequestLog Log { get; } = new();

    internal RepositoryStore Store { get; } = new();

    internal AccountStore Accounts { get; } = new();

    internal SignedUrls Signed { get; }

    internal RateLimiter Limiter { get; }

    internal UploadStore Uploads { get; }

    /// <summary>README texts that validate-yaml took.</summary>
    internal ConcurrentDictionary<string, bool> CheckedCards { get; } = new(StringComparer.Ordinal);

    /// <summary>Starts a server.</summary>
    public static async Task<HubServer> StartAsync(HubServerOptions? options = null, CancellationToken cancel = default)
    {
        var server = new HubServer(options ?? new HubServerOptions());
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, server.Options.Port);
            kestrel.Listen(IPAddress.Loopback, server.Options.StoragePort);
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(200));
        var app = builder.Build();
        Microsoft.AspNetCore.Builder.RunExtensions.Run(app, new Pipeline(server).RunAsync);
        server._app = app;
        await app.StartAsync(cancel);
        server._ports = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address).Port)];
        return server;
    }

    /// <summary>Adds a repository whose main has a first commit with .gitattributes, as a new one of the Hub has.</summary>
    public HubRepository AddRepository(string id, HubRepoKind kind = HubRepoKind.Model, Action<HubRepository>? configure = null)
    {
        var repository = new HubRepository(kind, id, Options.Time);
        configure?.Invoke(repository);
        return Store.TryAdd(repository) ? repository : throw new ArgumentException($"There is a {kind} {id} already.");
    }

    /// <summary>The repository, or null.</summary>
    public HubRepository? Find(string id, HubRepoKind kind = HubRepoKind.Model) => Store.Find(kind, id);

    /// <summary>Gives a repository another id; the old one redirects. For an id without an owner too ("gpt2").</summary>
    public void Rename(string from, string to, HubRepoKind kind = HubRepoKind.Model) => Store.Move(kind, from, to);

    public void AddToken(HubToken token) => Accounts.Add(token);

    /// <summary>The token is unknown from now on.</summary>
    public void Revoke(string token) => Accounts.Remove(token);

    /// <summary>Adds a fault and gives it back, for its count.</summary>
    public HubFault Add(HubFault fault)
    {
        lock (_faultLock) _faults.Add(fault);
        return fault;
    }

    public void ClearFaults()
    {
        lock (_faultLock) _faults.Clear();
    }

    /// <summary>All signed URLs given so far have run out.</summary>
    public void ExpireSignedUrls()
    {
        foreach (var url in Signed.All) url.IsExpired = true;
    }

    /// <summary>How often a signed URL was used, by its path ("/cdn/SHA256/w.bin").</summary>
    public IReadOnlyList<(string Method, string Path, int Uses)> SignedUrlUses =>
        [.. Signed.All.Select(url => (url.Method, Uri.UnescapeDataString(url.RawPath), url.Uses))];

    /// <summary>Forgets requests and violations.</summary>
    public void ClearLog() => Log.Clear();

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        Uploads.Dispose();
    }

    internal HubHost HostOf(int port) => (HubHost)Math.Max(0, Array.IndexOf(_ports, port));

    internal List<HubFault> TakeFaults(HubRequest request)
    {
        lock (_faultLock) return [.. _faults.Where(fault => fault.Take(request))];
    }
}
