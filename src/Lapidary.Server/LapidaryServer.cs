using System.Net;
using System.Net.Sockets;
using Lapidary.Formats;
using Lapidary.Server.Endpoints;
using Lapidary.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lapidary.Server;

/// <summary>Models behind OpenAI's HTTP API: /v1/chat/completions, /v1/completions, /v1/models, and beside it /health and
/// /metrics.</summary>
/// <remarks>It listens before its models are there, and says 503 until <see cref="Serve"/>: so an address that cannot be used is known
/// before gigabytes are read. It owns neither models nor engines.</remarks>
public sealed class LapidaryServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServerState _state;

    private LapidaryServer(WebApplication app, ServerState state, string url) => (_app, _state, Url) = (app, state, url);

    /// <summary>Its address, without a slash at the end: "http://127.0.0.1:8080".</summary>
    public string Url { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="options">Where, and the limits.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="LapidaryException">An option is out of range, the address cannot be used, or other machines could reach it without
    /// a key.</exception>
    public static async Task<LapidaryServer> StartAsync(LapidaryServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var address = await AddressOfAsync(options.Host, cancellationToken).ConfigureAwait(false);
        bool isLocal = IPAddress.IsLoopback(address);
        if (!isLocal && options.ApiKeys.Count == 0 && !options.AllowNoKey)
        {
            throw new LapidaryException(
                $"Other machines can reach {options.Host}, expected an API key, found none; give an api_key_file, or set allow_no_key to "
                + "true to let everybody in.");
        }

        var state = new ServerState(options, TimeProvider.System);
        var app = Build(options, new IPEndPoint(address, options.Port));
        app.Run(new Router(state, new Gatekeeper(options, isLocal)).HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw Unusable(options, e);
        }

        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        return new LapidaryServer(app, state, addresses.Addresses.First());
    }

    /// <summary>From now on requests are answered.</summary>
    /// <param name="models">Each with its own id; the base first.</param>
    public void Serve(IReadOnlyList<ServedModel> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Select(model => model.Id).Distinct(StringComparer.Ordinal).Count() < models.Count)
            throw new ArgumentException("Two models have one id.", nameof(models));
        _state.Serve(models);
    }

    /// <summary>Stops to listen and waits for the answers that are under way. Requests on open connections get 503.</summary>
    public async Task StopAsync()
    {
        _state.Stop();
        await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Ends all requests at once.</summary>
    public async ValueTask DisposeAsync()
    {
        _state.Stop();
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The web server, without what reads settings, writes to the console or has the signals of the process.</summary>
    private static WebApplication Build(LapidaryServerOptions options, IPEndPoint endpoint)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http1);
        });
        return builder.Build();
    }

    private static async Task<IPAddress> AddressOfAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address)) return address;
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase)) return IPAddress.Loopback;
        try
        {
            return (await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false))[0];
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IndexOutOfRangeException)
        {
            throw new LapidaryException(
                $"Host must be an address or name of this machine, got {Found.Of(host)}; take 127.0.0.1 for callers on this machine.", e);
        }
    }

    private static LapidaryException Unusable(LapidaryServerOptions options, Exception error)
    {
        string place = $"{Found.Of(options.Host)}:{options.Port}";
        string reason = error.InnerException is AddressInUseException ? "another program uses it"
            : error is SocketException { SocketErrorCode: SocketError.AccessDenied } ? "the system does not allow it"
            : error is SocketException { SocketErrorCode: SocketError.AddressNotAvailable } ? "it is no address of this machine"
            : Found.Of(error.Message);
        return new LapidaryException($"{place} cannot be used: {reason}; give another host or port, or port 0 for a free one.", error);
    }

    /// <summary>The process ends when its program says so.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
