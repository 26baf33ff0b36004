using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.TestHub.Tests;

/// <summary>A plain client: no redirects, no retries, what is sent is what is written.</summary>
internal sealed class Client : IDisposable
{
    private readonly HttpClient _http;

    public Client(HubServer server, string? token = null)
    {
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false })
        {
            BaseAddress = new Uri(server.ApiUrl),
        };
        _http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "lapidary/0 test");
        Token = token;
    }

    public string? Token { get; }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Task<HttpResponseMessage> GetAsync(string url, string? range = null) => SendAsync(HttpMethod.Get, url, range: range);

    public Task<HttpResponseMessage> HeadAsync(string url) => SendAsync(HttpMethod.Head, url);

    public Task<HttpResponseMessage> PostAsync(string url, string body, string type = "application/json") =>
        SendAsync(HttpMethod.Post, url, new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type)));

    /// <summary>GET with redirects walked, the token left at home.</summary>
    public async Task<HttpResponseMessage> DownloadAsync(string url, string? range = null)
    {
        for (int i = 0; i < 20; i++)
        {
            var answer = await GetAsync(url, range);
            if (answer.Headers.Location is not { } location) return answer;
            url = location.ToString();
        }

        throw new InvalidOperationException("too many redirects");
    }

    public async Task<JsonNode> JsonAsync(string url)
    {
        using var answer = await GetAsync(url);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await JsonAsync(answer);
    }

    public static async Task<JsonNode> JsonAsync(HttpResponseMessage answer) =>
        JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string url, HttpContent? content = null, string? range = null,
        string encoding = "identity")
    {
        using var request = new HttpRequestMessage(method, url) { Content = content };
        request.Headers.TryAddWithoutValidation("Accept-Encoding", encoding);
        if (content?.Headers.ContentType?.MediaType == "application/vnd.git-lfs+json")
        {
            request.Headers.TryAddWithoutValidation("Accept", "application/vnd.git-lfs+json");
        }

        if (range is not null) request.Headers.TryAddWithoutValidation("Range", range);
        // Only for the endpoint, as it should be; completion speaks for itself.
        if (Token is not null && !url.Contains("Signature=", StringComparison.Ordinal) && (url[0] == '/'
            || url.StartsWith(_http.BaseAddress!.ToString(), StringComparison.Ordinal)))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }

        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    public void Dispose() => _http.Dispose();
}
