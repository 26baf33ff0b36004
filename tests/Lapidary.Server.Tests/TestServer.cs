using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lapidary.Gemma;

namespace Lapidary.Server.Tests;

/// <summary>A server of the tiny model on a free port, with its own engine.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly LapidaryServer _server;
    private readonly IDisposable[] _owned;

    private TestServer(LapidaryServer server, ServedModel[] models, params IDisposable[] owned) =>
        (_server, Models, _owned, Client) = (server, models, owned, new HttpClient { BaseAddress = new Uri(server.Url) });

    public HttpClient Client { get; }

    public ServedModel[] Models { get; }

    public string Url => _server.Url;

    public LapidaryServer Server => _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts one.</summary>
    public static async Task<TestServer> StartAsync(
        LapidaryServerOptions? options = null, int maxTexts = 4, int maxLength = 256, GemmaModel? model = null,
        ChatTemplate? template = null)
    {
        var tiny = TinyModel.Instance;
        var server = await LapidaryServer.StartAsync((options ?? new()) with { Port = 0 }, Token);
        var engine = new GenerationEngine(model ?? tiny.Model, maxTexts);
        ServedModel[] models = [new("tiny", engine, tiny.Tokenizer, template ?? tiny.Template, maxLength)];
        server.Serve(models);
        return new(server, models, engine);
    }

    /// <summary>Posts JSON.</summary>
    public async Task<(int Status, JsonElement Body)> PostAsync(string path, string json, string? key = null)
    {
        using var response = await SendAsync(path, json, key);
        string text = await response.Content.ReadAsStringAsync(Token);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        return ((int)response.StatusCode, JsonDocument.Parse(text).RootElement);
    }

    /// <summary>Posts JSON and returns the whole response.</summary>
    public async Task<HttpResponseMessage> SendAsync(string path, string json, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
    }

    /// <summary>Asks, and expects an answer.</summary>
    public async Task<JsonElement> ChatAsync(string question = "How many users are there?", string more = "")
    {
        var (status, body) = await PostAsync("/v1/chat/completions", Ask(question, more));
        Assert.True(status == 200, body.ToString());
        return body;
    }

    /// <summary>The JSON of a question.</summary>
    public static string Ask(string question = "How many users are there?", string more = "") => $$"""
        {"model": "tiny", "messages": [{"role": "user", "content": {{JsonSerializer.Serialize(question)}}}], "max_tokens": 8{{more}}}
        """;

    /// <summary>The data of a stream's events.</summary>
    public async Task<List<string>> StreamAsync(string path, string json)
    {
        using var response = await SendAsync(path, json);
        string text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        string[] events = text[..^2].Split("\n\n");
        Assert.All(events, line => Assert.StartsWith("data: ", line, StringComparison.Ordinal));
        return [.. events.Select(line => line[6..])];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        foreach (var owned in _owned) owned.Dispose();
    }
}
