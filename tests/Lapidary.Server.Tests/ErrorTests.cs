using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;

namespace Lapidary.Server.Tests;

/// <summary>What callers do wrong, and what the server says.</summary>
public class ErrorTests
{
    private const string Chat = "/v1/chat/completions";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("n", "0")]
    [InlineData("n", "100000")]
    [InlineData("n", "1.5")]
    [InlineData("top_p", "2")]
    [InlineData("top_p", "\"high\"")]
    [InlineData("top_p", "-0.1")]
    [InlineData("top_k", "-2")]
    [InlineData("min_p", "1.5")]
    [InlineData("repetition_penalty", "0")]
    [InlineData("temperature", "-1")]
    [InlineData("temperature", "1001")]
    [InlineData("temperature", "1e999")]
    [InlineData("max_tokens", "0")]
    [InlineData("max_completion_tokens", "-1")]
    [InlineData("seed", "1.5")]
    [InlineData("stream", "1")]
    [InlineData("stream_options", "{}")]
    [InlineData("stop", "[1]", "stop[0]")]
    [InlineData("stop", "{}")]
    [InlineData("top_logprobs", "21")]
    [InlineData("top_logprobs", "3")]
    [InlineData("tools", """[{"type": "function"}]""")]
    [InlineData("tool_choice", "\"required\"")]
    [InlineData("response_format", """{"type": "xml"}""")]
    [InlineData("response_format", """{"type": "json_schema"}""", "response_format.json_schema")]
    [InlineData("response_format", """{"type": "json_schema", "json_schema": {}}""", "response_format.json_schema.schema")]
    [InlineData(
        "response_format", """{"type": "json_schema", "json_schema": {"schema": {"pattern": "a"}}}""",
        "response_format.json_schema.schema")]
    [InlineData("response_format", """{"type": "json_object", "schema": {}}""", "response_format.schema")]
    [InlineData("response_format", """{"type": "json_object"}, "structured_outputs": {"json": {}}""", "structured_outputs")]
    [InlineData("structured_outputs", """{"regex": "a"}""", "structured_outputs.regex")]
    [InlineData("structured_outputs", """{"json": 5}""", "structured_outputs.json")]
    [InlineData("structured_outputs", """{"json": "{"}""", "structured_outputs.json")]
    [InlineData("logit_bias", """{"5": 1}""")]
    [InlineData("presence_penalty", "0.5")]
    [InlineData("guided_json", "{\"a\": 1}")]
    [InlineData("modalities", "[\"audio\"]")]
    [InlineData("messages", "[]")]
    [InlineData("messages", "\"Hi\"")]
    [InlineData("messages", "[\"Hi\"]", "messages[0]")]
    [InlineData("messages", """[{"content": "Hi"}]""", "messages[0].role")]
    [InlineData("messages", """[{"role": "user"}]""", "messages[0].content")]
    [InlineData("messages", """[{"role": "user", "content": 5}]""", "messages[0].content")]
    [InlineData("messages", """[{"role": "user", "content": "\ud800"}]""", "messages[0].content")]
    [InlineData("messages", """[{"role": "tool", "content": "Hi"}]""", "messages[0].role")]
    [InlineData("messages", """[{"role": "system", "content": "Hi"}]""")]
    [InlineData("messages", """[{"role": "assistant", "content": "Hi"}]""", "messages[0]")]
    [InlineData("messages", """[{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]""", "messages[1]")]
    [InlineData(
        "messages", """[{"role": "system", "content": "S"}, {"role": "user", "content": "A"}, {"role": "user", "content": "B"}]""",
        "messages[2]")]
    [InlineData(
        "messages", """[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]""", "messages[0].content[0]")]
    [InlineData("model", "5")]
    [InlineData("model", "null")]
    public async Task AWrongField_IsNamed(string field, string value, string? param = null)
    {
        await using var server = await TestServer.StartAsync();
        var fields = new Dictionary<string, string>
        {
            ["model"] = "\"tiny\"",
            ["messages"] = """[{"role": "user", "content": "Hi"}]""",
            [field] = value,
        };

        string json = "{" + string.Join(',', fields.Select(pair => $"\"{pair.Key}\": {pair.Value}")) + "}";

        var (status, body) = await server.PostAsync(Chat, json);

        var error = body.GetProperty("error");
        Assert.True(status == 400, body.ToString());
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal(param ?? field, error.GetProperty("param").GetString());
        Assert.StartsWith((param ?? field) + ":", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, error.GetProperty("code").ValueKind);
    }

    /// <summary>The words and no path: a caller is on another machine.</summary>
    [Theory]
    [InlineData(
        """[{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]""",
        "messages[1]: expected assistant after user, found user: user and assistant alternate.")]
    [InlineData(
        """[{"role": "system", "content": "S"}, {"role": "assistant", "content": "B"}]""",
        "messages[1]: expected user first, found assistant: user and assistant alternate.")]
    [InlineData(
        """[{"role": "user", "content": "no"}]""", "messages[0]: the model's chat template refuses it: not these words")]
    public async Task AConversationThatTheTemplateRefuses_IsToldWhichMessage(string messages, string expected)
    {
        string folder = Variant.Of(TinyModel.Instance.Folder);
        const string Template =
            "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('not these words') }}{% endif %}{% endfor %}";
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template + TinyModel.Instance.Template.Text);
        await using var server = await TestServer.StartAsync(template: ChatTemplate.Load(folder));

        var (status, body) = await server.PostAsync(Chat, $$"""{"model": "tiny", "messages": {{messages}}}""");

        Assert.Equal((400, expected), (status, body.GetProperty("error").GetProperty("message").GetString()));
    }

    [Fact]
    public async Task ABodyThatIsTooDeep_IsNotCalledNoJson()
    {
        await using var server = await TestServer.StartAsync();
        var (status, body) = await server.PostAsync(Chat, $$"""{"response_format": {{new string('[', 64)}}{{new string(']', 64)}}}""");
        Assert.Equal(400, status);
        Assert.StartsWith(
            "The body has more than 64 lists and objects within each other: line 1, byte ",
            body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABodyThatEndsTooEarly_IsCalledNoJson()
    {
        await using var server = await TestServer.StartAsync();
        var (status, body) = await server.PostAsync(Chat, """{"model": "tiny", "messages": [{"role": "user" """);
        Assert.Equal(400, status);
        Assert.StartsWith(
            "The body is not JSON: line 1, byte ", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("NaN")]
    [InlineData("{\"top_p\": NaN}")]
    [InlineData("{} {}")]
    [InlineData("{\"\\ud800\": 1}")]
    public async Task ABodyThatIsNoObject_IsRefused(string json)
    {
        await using var server = await TestServer.StartAsync();
        var (status, body) = await server.PostAsync(Chat, json);
        Assert.Equal(400, status);
        Assert.Contains("body", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task FieldsThatSayNothing_AndUnknownOnes_AreIgnored()
    {
        await using var server = await TestServer.StartAsync();
        await server.ChatAsync(more: """
            , "tools": [], "tool_choice": "none", "response_format": {"type": "text"}, "logit_bias": {}, "presence_penalty": 0,
            "stop": null, "user": "u", "store": true, "metadata": {"a": "b"}, "no_such_field": 5, "functions": null, "modalities": ["text"]
            """);
    }

    [Fact]
    public async Task UnknownModelsAndPaths_AreNotFound_AndMethodsAreNamed()
    {
        await using var server = await TestServer.StartAsync();

        var (status, body) = await server.PostAsync(Chat, TestServer.Ask().Replace("tiny", "gpt-4o", StringComparison.Ordinal));
        Assert.Equal((404, "model_not_found"), (status, body.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal("model", body.GetProperty("error").GetProperty("param").GetString());
        Assert.Contains("gpt-4o", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);

        var (missing, told) = await server.PostAsync("/v1/completions", """{"prompt": "a"}""");
        Assert.Equal(400, missing);
        Assert.Equal("model: is missing; expected tiny.", told.GetProperty("error").GetProperty("message").GetString());

        Assert.Equal(404, (await server.PostAsync("/v1/embeddings", "{}")).Status);
        Assert.Equal(404, (await server.PostAsync("/", "{}")).Status);
        using var model = await server.Client.GetAsync("/v1/models/other", Token);
        Assert.Equal(HttpStatusCode.NotFound, model.StatusCode);
        using var get = await server.Client.GetAsync(Chat, Token);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, get.StatusCode);
        Assert.Equal("POST", string.Join(',', get.Content.Headers.Allow));
        using var options = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Options, Chat), Token);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, options.StatusCode);
        Assert.False(options.Headers.Contains("Access-Control-Allow-Origin"));
        using var head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/models"), Token);
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
    }

    [Fact]
    public async Task AnotherContentType_IsRefused()
    {
        await using var server = await TestServer.StartAsync();
        using var content = new StringContent(TestServer.Ask(), Encoding.UTF8, "text/plain");
        using var response = await server.Client.PostAsync(Chat, content, Token);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("Content-Type", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ALargeBody_IsTooLarge(bool isChunked)
    {
        await using var server = await TestServer.StartAsync(new() { MaxBodyBytes = 1000 });
        using var request = new HttpRequestMessage(HttpMethod.Post, Chat)
        {
            Content = new StringContent(TestServer.Ask(new string('x', 2000)), Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = isChunked;

        using var response = await server.Client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        string body = await response.Content.ReadAsStringAsync(Token);
        Assert.Contains("\"invalid_request_error\"", body, StringComparison.Ordinal);
        Assert.Contains("larger than 1000 bytes", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALongPrompt_NamesTheLimit()
    {
        await using var server = await TestServer.StartAsync(maxLength: 64);

        var (status, body) = await server.PostAsync(Chat, TestServer.Ask(string.Concat(Enumerable.Repeat("word ", 200))));

        Assert.Equal((400, "context_length_exceeded"), (status, body.GetProperty("error").GetProperty("code").GetString()));
        Assert.Contains("the limit of 64 tokens", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithAKey_OnlyHealthIsOpen()
    {
        await using var server = await TestServer.StartAsync(new() { ApiKeys = ["first", "second"] });

        Assert.Equal(401, (await server.PostAsync(Chat, TestServer.Ask())).Status);
        var (status, body) = await server.PostAsync(Chat, TestServer.Ask(), "wrong");
        Assert.Equal((401, "invalid_api_key"), (status, body.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal(200, (await server.PostAsync(Chat, TestServer.Ask(), "second")).Status);
        foreach (var (path, expected) in new[] { ("/health", 200), ("/metrics", 401), ("/v1/models", 401), ("/nothing", 401) })
        {
            using var response = await server.Client.GetAsync(path, Token);
            Assert.Equal(expected, (int)response.StatusCode);
        }
    }

    [Theory]
    [InlineData("evil.example", 403)]
    [InlineData("localhost", 200)]
    [InlineData("127.0.0.1:99", 200)]
    [InlineData("[::1]", 200)]
    public async Task WithoutAKey_OtherNamesOfThisMachine_AreRefused(string host, int expected)
    {
        await using var server = await TestServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.Host = host;
        using var response = await server.Client.SendAsync(request, Token);
        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task AnOpenAddress_NeedsAKey()
    {
        var open = new LapidaryServerOptions { Host = "0.0.0.0", Port = 0 };
        var error = await Assert.ThrowsAsync<LapidaryException>(() => LapidaryServer.StartAsync(open, Token));
        Assert.Contains("api_key_file", error.Message, StringComparison.Ordinal);
        await using var keyed = await LapidaryServer.StartAsync(open with { ApiKeys = ["k"] }, Token);
        await using var allowed = await LapidaryServer.StartAsync(open with { AllowNoKey = true }, Token);
        Assert.StartsWith("http://0.0.0.0:", allowed.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APortInUse_AndAStrangeHost_AreSaid()
    {
        await using var server = await TestServer.StartAsync();
        int port = new Uri(server.Url).Port;
        var error = await Assert.ThrowsAsync<LapidaryException>(() => LapidaryServer.StartAsync(new() { Port = port }, Token));
        Assert.Contains($"127.0.0.1:{port} cannot be used: another program uses it", error.Message, StringComparison.Ordinal);
        var away = await Assert.ThrowsAsync<LapidaryException>(
            () => LapidaryServer.StartAsync(new() { Host = "192.0.2.1", Port = 0, AllowNoKey = true }, Token));
        Assert.Contains("no address of this machine", away.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BeforeItsModels_TheServerSaysLater()
    {
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0 }, Token);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        using var health = await client.GetAsync("/health", Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Equal("""{"status":"loading"}""", await health.Content.ReadAsStringAsync(Token));
        using var models = await client.GetAsync("/v1/models", Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, models.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), models.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task OldAndBrokenHttp_DoesNotHurt()
    {
        await using var server = await TestServer.StartAsync();
        string json = TestServer.Ask();

        string old = await Raw($"POST {Chat} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}");
        Assert.StartsWith("HTTP/1.1 200", old, StringComparison.Ordinal);
        Assert.Contains("chat.completion", old, StringComparison.Ordinal);
        string streamed = TestServer.Ask(more: ", \"stream\": true");
        string oldStream = await Raw(
            $"POST {Chat} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {streamed.Length}\r\n\r\n{streamed}");
        Assert.EndsWith("data: [DONE]\n\n", oldStream, StringComparison.Ordinal);
        Assert.DoesNotContain("chunked", oldStream, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("HTTP/1.1 431", await Raw($"GET /health HTTP/1.1\r\nHost: localhost\r\nX: {new string('x', 100_000)}\r\n\r\n"),
            StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await Raw("nonsense\r\n\r\n"), StringComparison.Ordinal);
        await server.ChatAsync();

        async Task<string> Raw(string request)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, Token);
            var stream = socket.GetStream();
            var all = new StringBuilder();
            try
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Token);
                using var reader = new StreamReader(stream);
                char[] buffer = new char[4096];
                for (int read; (read = await reader.ReadAsync(buffer, Token)) > 0;) all.Append(buffer, 0, read);
            }
            catch (IOException)
            {
                // The server may close before it has read all.
            }

            return all.ToString();
        }
    }
}
