using System.Text.Json;

namespace Lapidary.Server.Tests;

/// <summary>The replies of chats and texts, whole and in pieces.</summary>
public class CompletionTests
{
    private const string Chat = "/v1/chat/completions", Text = "/v1/completions";

    [Fact]
    public async Task Chat_HasTheShapeOfOpenAI()
    {
        await using var server = await TestServer.StartAsync();

        var reply = await server.ChatAsync();

        Assert.StartsWith("chatcmpl-", reply.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("chat.completion", reply.GetProperty("object").GetString());
        Assert.Equal("tiny", reply.GetProperty("model").GetString());
        Assert.True(reply.GetProperty("created").GetInt64() > 1_700_000_000);
        var choice = Assert.Single(reply.GetProperty("choices").EnumerateArray());
        Assert.Equal(0, choice.GetProperty("index").GetInt32());
        Assert.Equal("assistant", choice.GetProperty("message").GetProperty("role").GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("message").GetProperty("refusal").ValueKind);
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").ValueKind);
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        var usage = reply.GetProperty("usage");
        Assert.Equal(8, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + 8, usage.GetProperty("total_tokens").GetInt32());
        Assert.Equal(0, usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
    }

    [Fact]
    public async Task AStream_HasTheSameText_RoleFirst_ReasonLast_ThenUsage()
    {
        await using var server = await TestServer.StartAsync();
        string whole = TextOf(await server.ChatAsync());

        var events = await server.StreamAsync(
            Chat, TestServer.Ask(more: """, "stream": true, "stream_options": {"include_usage": true}"""));

        Assert.Equal("[DONE]", events[^1]);
        JsonElement[] chunks = [.. events[..^1].Select(text => JsonDocument.Parse(text).RootElement)];
        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", chunk.GetProperty("object").GetString()));
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        Assert.Equal("""{"role":"assistant","content":""}""", Delta(chunks[0]));
        Assert.Equal("{}", Delta(chunks[^2]));
        Assert.Equal("length", chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.All(chunks[..^2], chunk =>
            Assert.Equal(JsonValueKind.Null, chunk.GetProperty("choices")[0].GetProperty("finish_reason").ValueKind));
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.Equal(8, chunks[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal(whole, string.Concat(chunks[1..^2].Select(chunk =>
            chunk.GetProperty("choices")[0].GetProperty("delta").GetProperty("content").GetString())));

        static string Delta(JsonElement chunk) => chunk.GetProperty("choices")[0].GetProperty("delta").GetRawText();
    }

    /// <summary>Each of several answers, whole and in pieces, and with the probabilities of what the model would have written.</summary>
    [Theory]
    [InlineData(""", "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": ["a", 7]}}}""")]
    [InlineData(""", "structured_outputs": {"json": {"enum": ["a", 7]}, "regex": null}""")]
    [InlineData(""", "structured_outputs": {"json": "{\"enum\": [\"a\", 7]}"}""")]
    public async Task AnswersInAForm_HaveIt(string form)
    {
        await using var server = await TestServer.StartAsync();
        var reply = await server.ChatAsync(more: form + """, "n": 4, "temperature": 1.5, "seed": 1, "logprobs": true, "top_logprobs": 1""");
        string[] texts = [.. reply.GetProperty("choices").EnumerateArray()
            .Select(choice => choice.GetProperty("message").GetProperty("content").GetString()!)];
        Assert.Equal(4, texts.Length);
        Assert.All(texts, text => Assert.True(text is "\"a\"" or "7", text));
        Assert.All(reply.GetProperty("choices").EnumerateArray(), choice =>
            Assert.Equal("stop", choice.GetProperty("finish_reason").GetString()));
        var first = reply.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content")[0];
        Assert.True(first.GetProperty("logprob").GetDouble() < first.GetProperty("top_logprobs")[0].GetProperty("logprob").GetDouble());

        var events = await server.StreamAsync(Chat, TestServer.Ask(more: form + """, "stream": true, "temperature": 1.5, "seed": 1"""));
        Assert.Equal(texts[0], string.Concat(events[1..^2].Select(text =>
            JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("delta").GetProperty("content").GetString())));

        var (status, body) = await server.PostAsync(
            Text, """{"model": "tiny", "prompt": "SELECT", "max_tokens": 5, "response_format": {"type": "json_object"}}""");
        Assert.Equal(200, status);
        Assert.StartsWith("{", body.GetProperty("choices")[0].GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Texts_ContinueTextsAndIds_OneOrMore()
    {
        await using var server = await TestServer.StartAsync();
        var ids = TinyModel.Instance.Tokenizer.EncodePrompt("SELECT");

        var one = await Post("\"SELECT\"");
        var same = await Post($"[{string.Join(',', ids)}]");
        var many = await Post($"[\"SELECT\", [{string.Join(',', ids)}]]", """, "n": 1""");
        var greedyChat = await Post("[\"SELECT\", \"FROM\"]", """, "stream": false""");

        Assert.Equal("text_completion", one.GetProperty("object").GetString());
        string text = one.GetProperty("choices")[0].GetProperty("text").GetString()!;
        Assert.NotEmpty(text);
        Assert.Equal(text, same.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal([text, text], many.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()));
        Assert.Equal([0, 1], greedyChat.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()));

        var events = await server.StreamAsync(
            Text, """{"model": "tiny", "prompt": "SELECT", "max_tokens": 6, "temperature": 0, "stream": true}""");
        Assert.Equal(text, string.Concat(events[..^1].Select(line =>
            JsonDocument.Parse(line).RootElement.GetProperty("choices")[0].GetProperty("text").GetString())));

        async Task<JsonElement> Post(string prompt, string more = "")
        {
            var (status, body) = await server.PostAsync(
                Text, $$"""{"model": "tiny", "prompt": {{prompt}}, "max_tokens": 6, "temperature": 0{{more}}}""");
            Assert.True(status == 200, body.ToString());
            return body;
        }
    }

    [Fact]
    public async Task WithoutMaxTokens_AnAnswerMayFillTheContext()
    {
        await using var server = await TestServer.StartAsync(maxLength: 96);

        var (_, reply) = await server.PostAsync(
            Text, """{"model": "tiny", "prompt": [[5, 6, 7]], "temperature": 1.9, "top_p": 1, "seed": 3}""");

        int tokens = reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32();
        string reason = reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString()!;
        Assert.True(reason == "length" ? tokens == 93 : tokens < 93, $"{reason} after {tokens}");
        Assert.True(tokens > 20 || reason == "stop");
    }

    /// <summary>As OpenAI's and vLLM's clients write it.</summary>
    [Fact]
    public async Task ValuesOfNoLimit_AreNone_AndThoseOfNoChoiceTakeTheLikeliest()
    {
        await using var server = await TestServer.StartAsync();
        string greedy = await Ask("\"temperature\": 0"), drawn = await Ask("\"temperature\": 1.9");
        Assert.NotEqual(greedy, drawn);
        Assert.Equal(greedy, await Ask("\"temperature\": 1.9, \"top_p\": 0"));
        foreach (string none in new[] { "\"top_p\": 1", "\"min_p\": 0" })
            Assert.Equal(drawn, await Ask($"\"temperature\": 1.9, {none}"));
        string ofAll = await Ask("\"temperature\": 1.9, \"top_k\": 0"); // the model's own limit is 50
        Assert.NotEqual(drawn, ofAll);
        Assert.Equal(ofAll, await Ask("\"temperature\": 1.9, \"top_k\": -1"));

        async Task<string> Ask(string more) => TextOf(await server.ChatAsync(more: $", \"seed\": 3, {more}"));
    }

    [Fact]
    public async Task AStopText_EndsTheAnswer_BeforeItself()
    {
        await using var server = await TestServer.StartAsync();
        string whole = TextOf(await server.ChatAsync(more: """, "temperature": 0"""));
        string stop = whole[(whole.Length / 2)..(whole.Length / 2 + 2)];

        var reply = await server.ChatAsync(more: $$""", "temperature": 0, "stop": ["@@never@@", {{JsonSerializer.Serialize(stop)}}]""");

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], TextOf(reply));
        Assert.Equal("stop", reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task SeveralAnswers_Differ_AndComeAgainWithTheirSeed()
    {
        await using var server = await TestServer.StartAsync();
        const string Sampled = """, "n": 3, "seed": 7, "temperature": 1.5""";

        string[] first = Texts(await server.ChatAsync(more: Sampled)), again = Texts(await server.ChatAsync(more: Sampled));
        string[] alone = Texts(await server.ChatAsync(more: """, "seed": 7, "temperature": 1.5"""));
        string[] other = Texts(await server.ChatAsync(more: """, "n": 3, "seed": 8, "temperature": 1.5"""));

        Assert.Equal(first, again);
        Assert.Equal(3, first.Distinct().Count());
        Assert.Equal(first[0], alone[0]);
        Assert.NotEqual(first, other);

        static string[] Texts(JsonElement reply) => [.. reply.GetProperty("choices").EnumerateArray().Select(choice =>
            choice.GetProperty("message").GetProperty("content").GetString()!)];
    }

    [Fact]
    public async Task LogProbs_AreThoseOfTheModel_AndSumToOne()
    {
        await using var server = await TestServer.StartAsync();

        var reply = await server.ChatAsync(more: """, "temperature": 0, "logprobs": true, "top_logprobs": 20""");

        var content = reply.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");
        Assert.Equal(8, content.GetArrayLength());
        foreach (var token in content.EnumerateArray())
        {
            var top = token.GetProperty("top_logprobs");
            Assert.Equal(20, top.GetArrayLength());
            double[] values = [.. top.EnumerateArray().Select(each => each.GetProperty("logprob").GetDouble())];
            Assert.Equal(values.OrderDescending(), values);
            Assert.InRange(values.Sum(Math.Exp), 0.01, 1.000001);
            Assert.Equal(values[0], token.GetProperty("logprob").GetDouble()); // greedy takes the likeliest
            Assert.Equal(token.GetProperty("token").GetString(), top[0].GetProperty("token").GetString());
        }

        byte[] bytes = [.. content.EnumerateArray().SelectMany(token => token.GetProperty("bytes").EnumerateArray())
            .Select(value => value.GetByte())];
        Assert.Equal(TextOf(reply), System.Text.Encoding.UTF8.GetString(bytes));

        var streamed = await server.StreamAsync(Chat, TestServer.Ask(
            more: """, "temperature": 0, "logprobs": true, "top_logprobs": 20, "stream": true"""));
        var entries = streamed[..^1].Select(text => JsonDocument.Parse(text).RootElement.GetProperty("choices")[0].GetProperty("logprobs"))
            .Where(logProbs => logProbs.ValueKind == JsonValueKind.Object)
            .SelectMany(logProbs => logProbs.GetProperty("content").EnumerateArray());
        Assert.Equal(content.EnumerateArray().Select(token => token.GetRawText()), entries.Select(token => token.GetRawText()));
    }

    [Fact]
    public async Task LogProbs_OfTexts_AreAnInteger()
    {
        await using var server = await TestServer.StartAsync();

        var (status, reply) = await server.PostAsync(
            Text, """{"model": "tiny", "prompt": "SELECT", "max_tokens": 5, "logprobs": 2, "temperature": 0}""");

        Assert.True(status == 200, reply.ToString());
        var logProbs = reply.GetProperty("choices")[0].GetProperty("logprobs");
        Assert.Equal(5, logProbs.GetProperty("tokens").GetArrayLength());
        Assert.Equal(5, logProbs.GetProperty("token_logprobs").GetArrayLength());
        Assert.All(logProbs.GetProperty("top_logprobs").EnumerateArray(), top => Assert.InRange(top.EnumerateObject().Count(), 1, 3));
        Assert.Equal(0, logProbs.GetProperty("text_offset")[0].GetInt32());
    }

    [Fact]
    public async Task SystemAndDeveloper_AreOneTurn_AndPartsAreText()
    {
        await using var server = await TestServer.StartAsync();

        var apart = await Ask("""
            [{"role": "system", "content": "A"}, {"role": "user", "content": "Hi"}, {"role": "developer", "content": "B"}]
            """);
        var joined = await Ask("""
            [{"role": "system", "content": "A\n\nB"},
             {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}]
            """);

        Assert.Equal(TextOf(apart), TextOf(joined));
        Assert.Equal(Prompt(apart), Prompt(joined));

        async Task<JsonElement> Ask(string messages)
        {
            var (status, reply) = await server.PostAsync(
                Chat, $$"""{"model": "tiny", "messages": {{messages}}, "temperature": 0, "max_completion_tokens": 5}""");
            Assert.True(status == 200, reply.ToString());
            return reply;
        }

        static int Prompt(JsonElement reply) => reply.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
    }

    private static string TextOf(JsonElement reply) =>
        reply.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
}
