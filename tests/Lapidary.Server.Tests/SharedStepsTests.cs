using System.Text;
using System.Text.Json;
using Lapidary.Gemma;

namespace Lapidary.Server.Tests;

/// <summary>A base and two adapters whose engines share steps.</summary>
public sealed class SharedStepsTests : IDisposable
{
    private static readonly string[] Names = ["tiny", "first", "second"];

    private readonly string _folder = Directory.CreateTempSubdirectory("lapidary-serve").FullName;
    private readonly Stack<IDisposable> _owned = [];
    private readonly GemmaModel[] _models;

    public SharedStepsTests()
    {
        var tiny = TinyModel.Instance;
        _models = [tiny.Model, .. new long[] { 5, 6 }.Select(seed =>
        {
            TinyModel.WriteAdapter(_folder, tiny.Model, seed);
            var view = Own(tiny.Model.ShareWeights());
            view.Attach(Own(Adapter.Load(view, _folder)));
            return view;
        })];
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Whole answers and streams, drawn and greedy, several choices and probabilities, in any company.</summary>
    [Fact]
    public async Task Answers_AreThoseOfEachModelAlone_WhateverElseIsAsked()
    {
        string[] more =
        [
            ", \"temperature\": 0", ", \"temperature\": 1.5, \"seed\": 3, \"n\": 2", ", \"temperature\": 0, \"logprobs\": true",
            ", \"temperature\": 1.2, \"seed\": 7, \"stream\": true",
        ];
        var requests = Names.SelectMany(name => more.Select(text => (Name: name, More: text))).ToArray();
        var alone = new List<string>();
        await using (var server = await LapidaryServer.StartAsync(new() { Port = 0 }, Token))
        {
            Serve(server, [.. _models.Select(model => Own(new GenerationEngine(model, 1)))]);
            using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
            foreach (var (name, text) in requests) alone.Add(await AskAsync(client, name, text));
        }

        Assert.Equal(requests.Length, alone.Distinct().Count());
        await using (var server = await LapidaryServer.StartAsync(new() { Port = 0 }, Token))
        {
            var engine = Own(new GenerationEngine(_models[0], 5));
            Serve(server, [engine, .. _models.Skip(1).Select(model => Own(engine.Join(model)))]);
            using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
            int[] order = [.. Enumerable.Range(0, 5 * requests.Length)];
            new Random(3).Shuffle(order);
            string[] together = await Task.WhenAll(order.Select(i =>
                AskAsync(client, requests[i % requests.Length].Name, requests[i % requests.Length].More)));
            Assert.Equal(order.Select(i => alone[i % requests.Length]), together);

            string metrics = await client.GetStringAsync("/metrics", Token);
            foreach (string name in Names)
                Assert.Matches($"lapidary_generation_tokens_total{{model=\"{name}\"}} [1-9]", metrics);
        }
    }

    [Fact]
    public async Task Places_AreThoseOfAllModelsTogether()
    {
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0, MaxWaiting = 1 }, Token);
        var engine = Own(new GenerationEngine(_models[0], 1));
        var served = Serve(server, [engine, .. _models.Skip(1).Select(model => Own(engine.Join(model)))]);
        Assert.True(served[0].TryEnter(1, 1));
        Assert.True(served[1].TryEnter(1, 1));
        Assert.False(served[2].TryEnter(1, 1));
        served[0].Leave(1);
        Assert.True(served[2].TryEnter(1, 1));
        Assert.False(served[1].TryEnter(1, 1));
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var owned)) owned.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static ServedModel[] Serve(LapidaryServer server, GenerationEngine[] engines)
    {
        var tiny = TinyModel.Instance;
        ServedModel[] models = [.. engines.Select((engine, i) => new ServedModel(Names[i], engine, tiny.Tokenizer, tiny.Template, 256))];
        server.Serve(models);
        return models;
    }

    /// <summary>What was answered, without ids and times.</summary>
    private static async Task<string> AskAsync(HttpClient client, string model, string more)
    {
        string json = TestServer.Ask(more: more).Replace("\"tiny\"", $"\"{model}\"", StringComparison.Ordinal);
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync("/v1/chat/completions", content, Token);
        string text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return model + string.Concat(text.StartsWith('{')
            ? [JsonDocument.Parse(text).RootElement.GetProperty("choices").ToString()]
            : text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
                .SelectMany(line => JsonDocument.Parse(line[6..]).RootElement.GetProperty("choices").EnumerateArray())
                .Select(choice => choice.GetProperty("delta").TryGetProperty("content", out var piece) ? piece.GetString() : ""));
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
