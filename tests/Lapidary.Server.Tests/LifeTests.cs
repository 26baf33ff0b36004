using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lapidary.Gemma;

namespace Lapidary.Server.Tests;

/// <summary>Full queues, callers who leave, readers who are slow, the end of a server, a model that breaks.</summary>
public class LifeTests
{
    private const string Chat = "/v1/chat/completions";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The likeliest tokens of the tiny model have no end, so the answer fills the context of 2,048 tokens.</summary>
    private static string Long => TestServer.Ask(more: """, "stream": true, "temperature": 0""")
        .Replace("\"max_tokens\": 8", "\"max_tokens\": 4000", StringComparison.Ordinal);

    [Fact]
    public async Task AFullQueue_IsTooManyRequests_AndRecovers()
    {
        await using var server = await TestServer.StartAsync(new() { MaxWaiting = 1 }, maxTexts: 1, maxLength: 2048);

        // One answer may run and one wait. Neither begins, however slow this test is.
        using (await HeldTurn.StartAsync(TinyModel.Instance.Model))
        {
            using var leaves = new CancellationTokenSource();
            var askers = Enumerable.Range(0, 2).Select(_ =>
                server.Client.PostAsync(Chat, new StringContent(Long, Encoding.UTF8, "application/json"), leaves.Token)).ToArray();
            while (server.Models[0].Engine.Load.Waiting < 2) await Task.Delay(5, Token);

            using var refused = await server.SendAsync(Chat, TestServer.Ask());

            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);
            Assert.Contains("rate_limit_error", await refused.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
            await leaves.CancelAsync();
            foreach (var asker in askers) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asker);
        }

        await IdleAsync(server);
        await server.ChatAsync();
    }

    [Fact]
    public async Task OneWhoLeaves_FreesTheSlot()
    {
        await using var server = await TestServer.StartAsync(maxTexts: 1, maxLength: 2048);
        for (int left = 0, asked = 1; left < 3; asked++)
        {
            Assert.True(asked <= 100, "Answers end before their reader can leave.");
            var response = await server.SendAsync(Chat, Long);
            left += server.Models[0].Engine.Load.Running;
            response.Dispose();
            await IdleAsync(server);
        }

        await server.ChatAsync();
    }

    /// <summary>A reader who reads nothing holds no slot: the answer is generated to its end meanwhile, and others are answered.</summary>
    [Fact]
    public async Task ASlowReader_HoldsNoSlot_AndGetsItsWholeAnswer()
    {
        await using var server = await TestServer.StartAsync(maxTexts: 1, maxLength: 2048);
        string json = Long;
        using var socket = new TcpClient { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, Token);
        var stream = socket.GetStream();
        using (await HeldTurn.StartAsync(TinyModel.Instance.Model))
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(
                $"POST {Chat} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                + $"Content-Length: {json.Length}\r\n\r\n{json}"), Token);
            while (server.Models[0].Engine.Load.Waiting == 0) await Task.Delay(5, Token);
        }

        await server.ChatAsync();

        await IdleAsync(server);
        using var reader = new StreamReader(stream);
        string text = await reader.ReadToEndAsync(Token);
        Assert.EndsWith("data: [DONE]", text.TrimEnd().Split("\r\n0")[0].TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_EndsWhatIsUnderWay_AndRefusesTheRest()
    {
        await using var server = await TestServer.StartAsync(maxLength: 2048);
        using var response = await server.SendAsync(Chat, Long.Replace("4000", "300", StringComparison.Ordinal));
        var stopping = server.Server.StopAsync();

        string text = await response.Content.ReadAsStringAsync(Token);

        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        await stopping.WaitAsync(TimeSpan.FromSeconds(60), Token);
        using var late = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => late.GetAsync(server.Url + "/health", Token));
    }

    [Fact]
    public async Task AModelThatIsNotFinite_IsTheServersError_ToldOnce()
    {
        using var broken = GemmaModel.Load(TinyModel.Instance.Folder, TinyModel.Instance.Backend);
        using var adapter = Adapter.Create(broken, new LoraConfig { R = 4 }, seed: 1);
        foreach (var parameter in adapter.Parameters)
        {
            var values = new float[parameter.Value.Count];
            Array.Fill(values, float.NaN);
            broken.Backend.Write<float>(values, parameter.Value);
        }

        broken.Attach(adapter);
        List<string> reports = [];
        await using var server = await TestServer.StartAsync(new() { Report = reports.Add }, model: broken);

        foreach (string more in new[] { "", """, "stream": true""" })
        {
            var (status, body) = await server.PostAsync(Chat, TestServer.Ask(more: more));
            Assert.Equal((500, "server_error"), (status, body.GetProperty("error").GetProperty("type").GetString()));
            // What the library says may name files of the server, so it is in the log alone.
            string message = body.GetProperty("error").GetProperty("message").GetString()!;
            Assert.StartsWith("The model or the device failed; the server's log has", message, StringComparison.Ordinal);
            string id = message.Split(' ')[^1].TrimEnd('.');
            Assert.StartsWith($"POST {Chat}, id {id}: The logits", reports[^1], StringComparison.Ordinal);
        }

        Assert.Equal(2, reports.Count);
    }

    /// <summary>Clients see the event or the cut connection; the reply has no regular end.</summary>
    [Fact]
    public async Task AnErrorInTheMiddleOfAStream_IsAnEvent_AndCutsTheConnection()
    {
        var tiny = TinyModel.Instance;
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0 }, Token);
        var engine = new GenerationEngine(tiny.Model, 1);
        server.Serve([new ServedModel("tiny", engine, tiny.Tokenizer, tiny.Template, 2048)]);
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, server.Url + Chat)
        {
            Content = new StringContent(Long, Encoding.UTF8, "application/json"),
        };
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        engine.Dispose();

        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Token));
        string text = "";
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (await reader.ReadLineAsync(Token) is { } line) text += line + "\n";
        });
        Assert.Contains("data: {\"error\":{\"message\":", text, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adapters_AreModels_WithTheirOwnAnswers_AtTheSameTime()
    {
        var tiny = TinyModel.Instance;
        string folder = Directory.CreateTempSubdirectory("lapidary-serve").FullName;
        TinyModel.WriteAdapter(folder, tiny.Model, seed: 5);
        using var view = tiny.Model.ShareWeights();
        using var adapter = Adapter.Load(view, folder);
        view.Attach(adapter);
        using var baseEngine = new GenerationEngine(tiny.Model, 4) { Sharers = 2 };
        using var sqlEngine = new GenerationEngine(view, 4) { Sharers = 2 };
        Assert.Equal(4, sqlEngine.Prepare(256));
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0 }, Token);
        server.Serve(
        [
            new ServedModel("org/tiny", baseEngine, tiny.Tokenizer, tiny.Template, 256),
            new ServedModel("sql", sqlEngine, tiny.Tokenizer, tiny.Template, 256) { Parent = "org/tiny" },
        ]);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };

        var list = JsonDocument.Parse(await client.GetStringAsync("/v1/models", Token)).RootElement.GetProperty("data");
        Assert.Equal(["org/tiny", "sql"], list.EnumerateArray().Select(model => model.GetProperty("id").GetString()));
        Assert.Equal([null, "org/tiny"], list.EnumerateArray().Select(model => model.GetProperty("parent").GetString()));
        Assert.Equal(256, list[0].GetProperty("max_model_len").GetInt32());
        foreach (string name in new[] { "org%2Ftiny", "org/tiny", "sql" })
            Assert.Contains("\"object\":\"model\"", await client.GetStringAsync($"/v1/models/{name}", Token), StringComparison.Ordinal);

        string[] alone = [await Ask("org/tiny"), await Ask("sql")];
        Assert.NotEqual(alone[0], alone[1]);
        string[] together = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Ask(i % 2 == 0 ? "org/tiny" : "sql")));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => alone[i % 2]), together);
        Directory.Delete(folder, recursive: true);

        async Task<string> Ask(string model)
        {
            string json = TestServer.Ask(more: ", \"temperature\": 1.5, \"seed\": 3").Replace("tiny", model, StringComparison.Ordinal);
            using var content = new StringContent(json, Encoding.UTF8, "application/json");
            using var response = await client.PostAsync(Chat, content, Token);
            string text = await response.Content.ReadAsStringAsync(Token);
            Assert.True(response.IsSuccessStatusCode, text);
            var choice = JsonDocument.Parse(text).RootElement.GetProperty("choices")[0];
            return choice.GetProperty("message").GetProperty("content").GetString()!;
        }
    }

    [Fact]
    public async Task Metrics_AreThoseOfPrometheus_AndCountWhatHappened()
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.ChatAsync();
        await server.StreamAsync(Chat, TestServer.Ask(more: ", \"stream\": true"));
        await server.PostAsync(Chat, "{}");

        using var response = await server.Client.GetAsync("/metrics", Token);
        string text = await response.Content.ReadAsStringAsync(Token);

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains("lapidary_generation_tokens_total{model=\"tiny\"} 16\n", text, StringComparison.Ordinal);
        int prompt = 2 * reply.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
        Assert.Contains($"lapidary_prompt_tokens_total{{model=\"tiny\"}} {prompt}\n", text, StringComparison.Ordinal);
        Assert.Contains("lapidary_request_success_total{model=\"tiny\",finished_reason=\"length\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains($"lapidary_http_requests_total{{path=\"{Chat}\",status=\"400\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("lapidary_time_to_first_token_seconds_count{model=\"tiny\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("lapidary_time_to_first_token_seconds_bucket{model=\"tiny\",le=\"+Inf\"} 2\n", text, StringComparison.Ordinal);
        Assert.Matches("lapidary_spec_decode_num_accepted_tokens_total{model=\"tiny\"} \\d+\n", text);
        Assert.Contains("lapidary_num_requests_running{model=\"tiny\"} 0\n", text, StringComparison.Ordinal);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.Matches("""^(# (HELP|TYPE) lapidary_\w+ .+|lapidary_\w+(\{(\w+="[^"]*",?)+\})? [-+0-9.eE]+)$""", line);
    }

    /// <summary>Waits until no answer runs or waits.</summary>
    private static async Task IdleAsync(TestServer server)
    {
        for (int i = 0; server.Models[0].Engine.Load is not (0, 0); i++)
        {
            Assert.True(i < 2000, "An answer still runs, although its reader left.");
            await Task.Delay(5, Token);
        }
    }
}
