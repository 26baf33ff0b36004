using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Microsoft.Extensions.AI;

namespace Lapidary.TextToSql.Tests.Generation;

/// <summary>Lapidary.Gemma's chat client, on this project's <see cref="TinyGemma"/>, where many tokens are about as likely: drawing and
/// stop sequences need varied text. The model of Lapidary.Gemma's fixtures writes one token again and again.</summary>
public sealed class GemmaChatClientTests : IDisposable
{
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly GemmaModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly GemmaChatClient _client;

    public GemmaChatClientTests()
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "tiny");
        TinyGemma.Write(folder);
        _model = GemmaModel.Load(folder, _backend);
        (_tokenizer, _template) = (Tokenizer.Load(folder), ChatTemplate.Load(folder));
        _client = new GemmaChatClient(_model, _tokenizer, _template);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetResponse_GivesWhatTheGeneratorGives()
    {
        int[] prompt = _template.Encode(_tokenizer, [new("system", "Be short."), new("user", "How many?")], addGenerationPrompt: true);
        using var generator = new TextGenerator(_model);
        int[] expected = [.. generator.Generate(prompt, new GenerationOptions { MaxNewTokens = 6, StopTokenIds = [1, 6] }, Token)];

        var options = new ChatOptions { Instructions = "Be short.", MaxOutputTokens = 6 };
        var response = await _client.GetResponseAsync("How many?", options, Token);

        Assert.Equal(_tokenizer.Decode(expected, skipSpecialTokens: true), response.Text);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal(prompt.Length, response.Usage!.InputTokenCount);
        Assert.Equal(expected.Length, response.Usage.OutputTokenCount);
        Assert.Equal(0, response.Usage.CachedInputTokenCount);
        Assert.Equal(prompt.Length + expected.Length, response.Usage.TotalTokenCount);
        Assert.Equal(expected.Length == 6 ? ChatFinishReason.Length : ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("tiny", response.ModelId);
        Assert.False(string.IsNullOrEmpty(response.ResponseId));
    }

    [Fact]
    public async Task GetResponse_DrawsBySeed()
    {
        Task<ChatResponse> Draw(long seed)
        {
            var options = new ChatOptions { Temperature = 1.5f, TopK = 200, TopP = 0.99f, Seed = seed, MaxOutputTokens = 8 };
            return _client.GetResponseAsync("Hi", options, Token);
        }

        string first = (await Draw(1)).Text;

        Assert.Equal(first, (await Draw(1)).Text);
        Assert.NotEqual(first, (await Draw(2)).Text);
    }

    [Fact]
    public async Task GetResponse_TakesTheLikeliestTokenAtTemperatureZero()
    {
        var greedy = await _client.GetResponseAsync("Hi", new ChatOptions { MaxOutputTokens = 4 }, Token);
        var options = new ChatOptions { Temperature = 0, TopK = 40, Seed = 9, MaxOutputTokens = 4 };
        var zero = await _client.GetResponseAsync("Hi", options, Token);

        Assert.Equal(greedy.Text, zero.Text);
        options = new ChatOptions { Temperature = 2, TopP = 0, TopK = -1, Seed = 9, MaxOutputTokens = 4 };
        Assert.Equal(greedy.Text, (await _client.GetResponseAsync("Hi", options, Token)).Text);
        options.TopK = -2;
        var error = await Assert.ThrowsAsync<LapidaryException>(() => _client.GetResponseAsync("Hi", options, Token));
        Assert.Equal("TopK must be at least -1, got -2.", error.Message);
    }

    [Fact]
    public async Task GetResponse_EndsBeforeAStopSequence()
    {
        var options = new ChatOptions { Temperature = 2, Seed = 3, MaxOutputTokens = 12 };
        string whole = (await _client.GetResponseAsync("Hi", options, Token)).Text;
        Assert.True(whole.Length > 4, $"\"{whole}\" is too short for this test.");
        string stop = whole.Substring(whole.Length / 2, 2);

        options.StopSequences = [stop];
        var response = await _client.GetResponseAsync("Hi", options, Token);

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task GetStreamingResponse_JoinsToTheWholeAnswer()
    {
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 10 };
        var text = new StringBuilder();
        string? id = null;
        await foreach (var update in _client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], options, Token))
        {
            text.Append(update.Text);
            Assert.Equal(id ??= update.ResponseId, update.ResponseId);
        }

        Assert.Equal((await _client.GetResponseAsync("Hi", options, Token)).Text, text.ToString());
    }

    [Fact]
    public async Task GetStreamingResponse_LetsOthersInWhenItIsLeftEarly()
    {
        var options = new ChatOptions { Temperature = 1 };
        await foreach (var update in _client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], options, Token))
        {
            if (update.Text.Length > 0) break;
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
            _client.GetResponseAsync("Hi", new ChatOptions { MaxOutputTokens = 3 }, Token)));

        Assert.All(answers, answer => Assert.Equal(answers[0].Text, answer.Text));
    }

    [Fact]
    public async Task GetResponse_IsCancelled()
    {
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            var options = new ChatOptions { Temperature = 1 };
            await foreach (var _ in _client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], options, source.Token))
                await source.CancelAsync();
        });
    }

    [Fact]
    public async Task ASlowReader_HoldsNobodyBack()
    {
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 40 };
        string expected = (await _client.GetResponseAsync("Hi", options, Token)).Text;
        await using var slow = _client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], options, Token).GetAsyncEnumerator(Token);
        Assert.True(await slow.MoveNextAsync());
        var text = new StringBuilder(slow.Current.Text);

        // The other one waits for the rest of the first answer to be made, not for somebody to read it.
        var other = await _client.GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 3 }, Token)
            .WaitAsync(TimeSpan.FromMinutes(2), Token);

        Assert.True(other.Usage!.OutputTokenCount > 0);
        while (await slow.MoveNextAsync()) text.Append(slow.Current.Text);
        Assert.Equal(expected, text.ToString());
    }

    /// <summary>The engine has two places. A text that takes its time at each token keeps one, and the answers with it: they are still
    /// under way when they are cancelled, on a busy machine too.</summary>
    [Fact]
    public async Task ACancelledAnswer_FreesItsPlace_AndSoDoesOneThatWaits()
    {
        using var engine = new GenerationEngine(_model, maxTexts: 2);
        using var client = new GemmaChatClient(engine, _tokenizer, _template);
        using var running = new CancellationTokenSource();
        using var waiting = new CancellationTokenSource();
        using var slow = new CancellationTokenSource();
        var beside = engine.GenerateAsync([5, 6, 7], new GenerationOptions { MaxNewTokens = 1900 }, Slowly, slow.Token);
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 1900 };
        await using var first = client.GetStreamingResponseAsync([new(ChatRole.User, "Hi")], options, running.Token)
            .GetAsyncEnumerator(Token);
        Assert.True(await first.MoveNextAsync());
        var second = client.GetResponseAsync("Hi", options, waiting.Token);
        var third = client.GetResponseAsync("Hi", new ChatOptions { MaxOutputTokens = 2 }, Token);

        await waiting.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second).WaitAsync(TimeSpan.FromMinutes(1), Token);
        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await first.MoveNextAsync())
            {
            }
        });

        Assert.True((await third.WaitAsync(TimeSpan.FromMinutes(1), Token)).Usage!.OutputTokenCount > 0);
        await slow.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => beside);

        static bool Slowly(int id)
        {
            Thread.Sleep(20);
            return true;
        }
    }

    [Fact]
    public async Task Dispose_EndsAnswersThatAreUnderWay()
    {
        var client = new GemmaChatClient(_model, _tokenizer, _template);
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 1900 };
        var answers = Enumerable.Range(0, 3).Select(_ => client.GetResponseAsync("Hi", options, Token)).ToArray();

        client.Dispose();

        foreach (var answer in answers) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi", options, Token));
    }

    [Fact]
    public async Task GetResponse_RefusesWhatItCannotDo()
    {
        await Refuses(new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "one")] }, "Tools");
        await Refuses(new ChatOptions { FrequencyPenalty = 0.5f }, "FrequencyPenalty");
        await Refuses(new ChatOptions { PresencePenalty = 0.5f }, "PresencePenalty");
        await Refuses(new ChatOptions { ConversationId = "1" }, "ConversationId");
        await Refuses(new ChatOptions { ModelId = "other" }, "other");
        var image = new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);
        var error = await Assert.ThrowsAsync<NotSupportedException>(async () =>
            await _client.GetResponseAsync(image, cancellationToken: Token));
        Assert.Contains("Images", error.Message, StringComparison.Ordinal);

        async Task Refuses(ChatOptions options, string named)
        {
            var error = await Assert.ThrowsAsync<NotSupportedException>(async () => await _client.GetResponseAsync("Hi", options, Token));
            Assert.Contains(named, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Microsoft.Extensions.AI makes the schema of the type, and reads the answer.</summary>
    [Fact]
    public async Task GetResponse_OfAType_ReadsItsValue()
    {
        var options = new ChatOptions { Temperature = 1.5f, MaxOutputTokens = 600, Seed = 3 };
        var answer = await _client.GetResponseAsync<Answer>("Who?", options, cancellationToken: Token);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.True(answer.Result.Kinds.Count is 1 or 2 or 3);
        Assert.All(answer.Result.Kinds, kind => Assert.True(Enum.IsDefined(kind)));
        Assert.InRange(answer.Result.Count, -5, 700);
        Assert.InRange(answer.Result.Inner.Name.Length, 0, 12);

        var numbers = await _client.GetResponseAsync<bool[]>("Which?", options, cancellationToken: Token);
        Assert.Equal(ChatFinishReason.Stop, numbers.FinishReason);
        Assert.NotNull(numbers.Result);

        options.ResponseFormat = ChatResponseFormat.Json;
        var any = await _client.GetResponseAsync("Which?", options, Token);
        Assert.StartsWith("{", any.Text, StringComparison.Ordinal);
        AssertIsJson(any.Text, any.FinishReason == ChatFinishReason.Stop);

        static void AssertIsJson(string text, bool isWhole)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), isWhole, default);
            while (reader.Read()) { }
        }
    }

    [Fact]
    public async Task GetResponse_RefusesASchemaThatItCannotEnforce()
    {
        var schema = JsonElement.Parse("""{"type": "object", "properties": {"age": {"type": "number", "multipleOf": 2}}}""");
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) };
        var error = await Assert.ThrowsAsync<LapidaryException>(() => _client.GetResponseAsync("Hi", options, Token));
        Assert.StartsWith(
            "ResponseFormat: JSON schema: $.properties.age.multipleOf: not enforced here", error.Message, StringComparison.Ordinal);

        // A type's schema is not seen by who asks, so the message speaks of the type.
        error = await Assert.ThrowsAsync<LapidaryException>(() => _client.GetResponseAsync<TimeSpan>("Hi", cancellationToken: Token));
        Assert.StartsWith(
            "ResponseFormat: JSON schema: $.properties.data.pattern: not enforced here", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("In a C# type, make that member a string, and read it yourself.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Members of all these kinds are read back, and a class may have itself in it.</summary>
    [Fact]
    public async Task GetResponse_OfTypesWithinTypes_ReadsTheirValues()
    {
        var options = new ChatOptions { Temperature = 1.5f, MaxOutputTokens = 900 };
        int whole = 0;
        for (int seed = 0; seed < 6; seed++)
        {
            options.Seed = seed;
            var answer = await _client.GetResponseAsync<Visit>("When?", options, cancellationToken: Token);
            if (answer.FinishReason != ChatFinishReason.Stop) continue;
            whole++;
            Assert.InRange(answer.Result.At.Year, 1000, 2999);
            Assert.InRange(answer.Result.Price, -1_000_000m, 1_000_000m);
        }

        Assert.True(whole > 0);
    }

    [Fact]
    public async Task GetResponse_RefusesMoreThanTheContextHolds()
    {
        string text = string.Concat(Enumerable.Repeat("How many flights? ", 800));

        var error = await Assert.ThrowsAsync<LapidaryException>(async () => await _client.GetResponseAsync(text, cancellationToken: Token));

        Assert.Contains("2048", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GetService_TellsTheModelsName()
    {
        Assert.Equal("tiny", _client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Same(_model, _client.GetService<GemmaModel>());
    }

    public void Dispose()
    {
        _client.Dispose();
        _model.Dispose();
        _backend.Dispose();
    }

    [JsonConverter(typeof(JsonStringEnumConverter<Kind>))]
    private enum Kind
    {
        Small,
        Large,
    }

    private sealed record Answer(
        [property: Description("What it is."), MinLength(1), MaxLength(3)] IReadOnlyList<Kind> Kinds,
        [property: Range(-5, 700)] int Count, double? Share, Inner Inner, DateTimeOffset When, Guid? Id);

    private sealed record Visit(
        DateTime At, DateOnly Day, [property: Range(-1e6, 1e6)] decimal Price, Kind? Kind, Dictionary<string, int?> Counts, Place Place);

    private sealed class Place
    {
        public bool IsLast { get; init; }

        public Place? Next { get; init; }
    }

    private sealed record Inner([property: MaxLength(12)] string Name, bool IsNew, Inner? Next = null);
}
