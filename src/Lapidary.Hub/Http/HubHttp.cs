using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Runtime.InteropServices;
using Polly;

namespace Lapidary.Hub.Http;

/// <summary>Sends requests to the Hub with token, redirects, retries and errors. Thread-safe.</summary>
/// <remarks>The token is sent only to the endpoint's scheme, host and port, regardless of any answer.</remarks>
internal sealed partial class HubHttp : IDisposable
{
    private const int MaxRedirects = 20;

    private readonly HubOptions _options;
    private readonly HttpMessageInvoker _client;
    private readonly ResiliencePipeline<HttpResponseMessage> _retries;
    private readonly HubErrors _errors;
    private readonly string _userAgent;
    private readonly HashSet<string> _warnings = [];
    private DateTimeOffset _waitsUntil = DateTimeOffset.MinValue;

    /// <summary>Creates the client; sends no request yet.</summary>
    /// <param name="options">Endpoint, token, limits.</param>
    /// <param name="handler">Sends the requests in tests; null for the network.</param>
    public HubHttp(HubOptions options, HttpMessageHandler? handler = null)
    {
        _options = options;
        Urls = new HubUrls(options.Endpoint);
        _errors = new HubErrors(options, Urls);
        _client = new HttpMessageInvoker(handler ?? Network());
        _retries = HubRetries.Build(options.Time, NoteWait);
        _userAgent = UserAgent(options);
    }

    /// <summary>The endpoint's addresses.</summary>
    public HubUrls Urls { get; }

    /// <summary>Sends a request, retries if that may help, and follows redirects to the endpoint.</summary>
    /// <returns>A successful answer, or one that the call accepts; its body is not read yet. With other hosts, also their refusals (4xx),
    /// because the address may have expired.</returns>
    /// <exception cref="HubException">The Hub refused, or cannot be reached.</exception>
    public async Task<HubAnswer> SendAsync(HubCall call, CancellationToken cancellation)
    {
        if (_options.IsOffline) throw _errors.Offline(call);
        var asked = call.Url;
        try
        {
            HubAnswer? walked = null;
            await _retries.RunAsync(
                call, _options.Time,
                async token =>
                {
                    walked = await WalkAsync(call, url => asked = url, token).ConfigureAwait(false);
                    return walked.Message;
                },
                cancellation).ConfigureAwait(false);
            var answer = walked!;
            NoteWarning(answer.Message);
            int status = (int)answer.Message.StatusCode;
            bool isGood = status is >= 200 and < 300 || call.Expects.Contains(answer.Message.StatusCode) || call.OtherHosts switch
            {
                OtherHosts.NotAsked => status is >= 300 and < 400,
                OtherHosts.Asked => status is >= 400 and < 500 && !HubUrls.IsSameOrigin(answer.Url, _options.Endpoint),
                _ => false,
            };
            if (isGood) return answer;
            using (answer) throw await ErrorAsync(call, answer, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or IOException)
        {
            throw _errors.OfNetwork(call, asked, e);
        }
    }

    /// <summary>The error for an unsuccessful answer.</summary>
    public Task<HubException> ErrorAsync(HubCall call, HubAnswer answer, CancellationToken cancellation) =>
        _errors.OfAnswerAsync(call, answer, cancellation);

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _client.Dispose();

    private static SocketsHttpHandler Network() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        ActivityHeadersPropagator = null,
    };

    /// <summary>One attempt: the call and the redirects that it follows; reports each address.</summary>
    private async Task<HubAnswer> WalkAsync(HubCall call, Action<Uri> asks, CancellationToken cancellation)
    {
        var url = call.Url;
        string? commit = null, etag = null;
        long? size = null;
        for (int redirects = 0; ; redirects++)
        {
            asks(url);
            bool isEndpoint = HubUrls.IsSameOrigin(url, _options.Endpoint);
            var message = await SendOnceAsync(call, url, isEndpoint, cancellation).ConfigureAwait(false);
            try
            {
                bool isRedirect = (int)message.StatusCode is 301 or 302 or 303 or 307 or 308;
                if (isEndpoint)
                {
                    commit = HubAnswer.HeaderOf(message, "X-Repo-Commit") ?? commit;
                    etag = HubAnswer.NormalEtag(HubAnswer.HeaderOf(message, "X-Linked-Etag") ?? HubAnswer.HeaderOf(message, "ETag"));
                    size = HubAnswer.ToLength(HubAnswer.HeaderOf(message, "X-Linked-Size"))
                        ?? (isRedirect || message.StatusCode == HttpStatusCode.PartialContent ? null : HubAnswer.LengthOf(message));
                }

                Uri? next = isRedirect ? Next(call, url, message, redirects) : null;
                if (next is null)
                {
                    return new HubAnswer(message, url, call.Token ?? _options.Token) { Commit = commit, Etag = etag, Size = size };
                }

                url = next;
                message.Dispose();
            }
            catch
            {
                message.Dispose();
                throw;
            }
        }
    }

    /// <summary>The target of a redirect; null if the answer itself is the result.</summary>
    private Uri? Next(HubCall call, Uri url, HttpResponseMessage message, int redirects)
    {
        if (redirects >= MaxRedirects) throw _errors.Redirect(call, url, $"more than {MaxRedirects} redirects, which lead in a circle");
        string text = HubAnswer.HeaderOf(message, "Location")
            ?? throw _errors.Redirect(call, url, "a redirect that leads nowhere");
        Uri next;
        try
        {
            next = text.StartsWith('/') && !text.StartsWith("//", StringComparison.Ordinal)
                ? HubUrls.Raw($"{url.Scheme}://{url.Authority}{text}")
                : text.Contains("://", StringComparison.Ordinal) ? HubUrls.Raw(text) : new Uri(url, text);
        }
        catch (UriFormatException)
        {
            throw _errors.Redirect(call, url, "a redirect to what is no address");
        }

        if (next.Scheme is not ("http" or "https") || (url.Scheme == "https" && next.Scheme != "https"))
            throw _errors.Redirect(call, url, $"a redirect to {next.Scheme}, which is not as safe");
        bool keepsVerb = (int)message.StatusCode is 307 or 308 || call.Method == HttpMethod.Get || call.Method == HttpMethod.Head;
        if (!keepsVerb) throw _errors.Redirect(call, url, $"a redirect ({(int)message.StatusCode}) of what was to be changed");
        if (HubUrls.IsSameOrigin(next, _options.Endpoint) || HubUrls.IsSameOrigin(next, url)) return next;
        return call.OtherHosts switch
        {
            OtherHosts.Asked => next,
            OtherHosts.NotAsked => null,
            _ => throw _errors.Redirect(
                call, url, $"a redirect to {next.Scheme}://{next.Authority}, another host", "set HF_ENDPOINT to it if you trust it"),
        };
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HubCall call, Uri url, bool isEndpoint, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(call.Timeout ?? _options.MetadataTimeout);
        using var request = new HttpRequestMessage(call.Method, url) { Content = call.Content?.Invoke() };
        var headers = request.Headers;
        headers.TryAddWithoutValidation("User-Agent", _userAgent);
        headers.TryAddWithoutValidation("X-Amzn-Trace-Id", Guid.NewGuid().ToString());
        headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        if (call.IsDownload) headers.TryAddWithoutValidation("X-HF-Download-Counter", "1");
        call.Headers?.Invoke(headers);
        if (isEndpoint && !call.IsAnonymous && (call.Token ?? _options.Token) is { } token)
            headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Value);
        try
        {
            return await _client.SendAsync(request, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer in {(call.Timeout ?? _options.MetadataTimeout).TotalSeconds:0.#} s", e);
        }
    }

    /// <summary>Reports once, for all waiting callers, that the server asked for a wait.</summary>
    private void NoteWait(Uri url, TimeSpan wait)
    {
        var until = _options.Time.GetUtcNow() + wait;
        lock (_warnings)
        {
            if (until <= _waitsUntil + TimeSpan.FromSeconds(1)) return;
            _waitsUntil = until;
        }

        _options.Note?.Invoke($"{url.Authority}: asks to wait; it goes on in {Math.Ceiling(wait.TotalSeconds):0} s.");
    }

    /// <summary>X-HF-Warning is "topic; text": each topic is reported once.</summary>
    private void NoteWarning(HttpResponseMessage message)
    {
        if (_options.Note is null || HubAnswer.HeaderOf(message, "X-HF-Warning") is not { } warning) return;
        string[] parts = warning.Split(';', 2);
        lock (_warnings)
        {
            if (!_warnings.Add(parts[0].Trim())) return;
        }

        _options.Note(_errors.Printed($"{Urls.Host}: {parts[^1].Trim()}", _options.Token));
    }

    private static string UserAgent(HubOptions options)
    {
        string version = typeof(HubHttp).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        string name = $"lapidary/{version.Split('+')[0]}";
        return options.IsUserAgentShort
            ? name
            : $"{name}; dotnet/{Environment.Version}; {RuntimeInformation.RuntimeIdentifier}";
    }
}
