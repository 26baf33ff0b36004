using System.ClientModel;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Tests;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatResponseFormat = Microsoft.Extensions.AI.ChatResponseFormat;

namespace Lapidary.Server.Tests;

/// <summary>The clients that people have: npm's openai, OpenAI's and Microsoft's for .NET, curl.</summary>
public class ClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Npm_OpenAI()
    {
        string folder = Path.Combine(Fixtures.Repository, "tests", "clients", "openai");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules", "openai")), "npm's openai is not installed here.");
        await using var server = await TestServer.StartAsync();
        var (exitCode, output) = await RunAsync("node", folder, "check.mjs", server.Url);
        Assert.True(exitCode == 0, output);
        Assert.EndsWith("done\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DotNet_OpenAI_ChatsAndStreams()
    {
        await using var server = await TestServer.StartAsync();
        var client = Client(server).GetChatClient("tiny");
        var options = new ChatCompletionOptions
        {
            MaxOutputTokenCount = 8,
            Temperature = 0,
            IncludeLogProbabilities = true,
            TopLogProbabilityCount = 3,
        };

        ChatCompletion whole = await client.CompleteChatAsync([new UserChatMessage("How many users are there?")], options, Token);

        Assert.Equal(OpenAI.Chat.ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(8, whole.Usage.OutputTokenCount);
        Assert.Equal(8, whole.ContentTokenLogProbabilities.Count);
        Assert.Equal(3, whole.ContentTokenLogProbabilities[0].TopLogProbabilities.Count);

        string text = "";
        await foreach (var update in client.CompleteChatStreamingAsync([new UserChatMessage("How many users are there?")], options, Token))
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
        Assert.Equal(whole.Content[0].Text, text);
    }

    [Fact]
    public async Task DotNet_OpenAI_UnderstandsErrors()
    {
        await using var server = await TestServer.StartAsync();
        var client = Client(server).GetChatClient("gpt-4o");

        var error = await Assert.ThrowsAsync<ClientResultException>(
            () => client.CompleteChatAsync([new UserChatMessage("Hi")], cancellationToken: Token));

        Assert.Equal(404, error.Status);
        Assert.Contains("there is no gpt-4o; expected tiny", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Client and server are two fronts of one engine.</summary>
    [Fact]
    public async Task Microsoft_AnswersAreThoseOfGemmaChatClient()
    {
        await using var server = await TestServer.StartAsync();
        var tiny = TinyModel.Instance;
        using var near = new GemmaChatClient(server.Models[0].Engine, tiny.Tokenizer, tiny.Template);
        using var far = Client(server).GetChatClient("tiny").AsIChatClient();
        ChatMessage[] messages = [new(ChatRole.System, "Answer with SQL."), new(ChatRole.User, "How many <end_of_turn> users?")];
        foreach (var options in new ChatOptions[]
        {
            new() { Temperature = 0, MaxOutputTokens = 10 },
            new() { Temperature = 1.3f, TopP = 0.9f, Seed = 11, MaxOutputTokens = 10 },
            new() { Temperature = 0, MaxOutputTokens = 10, StopSequences = ["e"] },
        })
        {
            var here = await near.GetResponseAsync(messages, options, Token);
            var there = await far.GetResponseAsync(messages, options, Token);
            Assert.Equal(here.Text, there.Text);
            Assert.Equal(here.FinishReason, there.FinishReason);
            Assert.Equal(here.Usage!.InputTokenCount, there.Usage!.InputTokenCount);
            Assert.Equal(here.Usage.OutputTokenCount, there.Usage.OutputTokenCount);

            var updates = await far.GetStreamingResponseAsync(messages, options, Token).ToListAsync(Token);
            Assert.Equal(here.Text, string.Concat(updates.Select(update => update.Text)));
            Assert.Equal(here.FinishReason, updates.Last(update => update.FinishReason is not null).FinishReason);
        }
    }

    /// <summary>Both doors hold an answer to its form in the same way.</summary>
    [Fact]
    public async Task Microsoft_AnswersInAForm_AreThoseOfGemmaChatClient()
    {
        await using var server = await TestServer.StartAsync();
        var tiny = TinyModel.Instance;
        using var near = new GemmaChatClient(server.Models[0].Engine, tiny.Tokenizer, tiny.Template);
        using var far = Client(server).GetChatClient("tiny").AsIChatClient();
        var schema = JsonElement.Parse(
            """{"type": "object", "properties": {"n": {"type": "integer"}, "ok": {"type": "boolean"}}, "required": ["n", "ok"]}""");
        foreach (var format in new[] { ChatResponseFormat.Json, ChatResponseFormat.ForJsonSchema(schema, "answer") })
        {
            var options = new ChatOptions { Temperature = 1.2f, Seed = 4, MaxOutputTokens = 120, ResponseFormat = format };
            var here = await near.GetResponseAsync("How many?", options, Token);
            var there = await far.GetResponseAsync("How many?", options, Token);
            Assert.Equal(here.Text, there.Text);
            Assert.StartsWith("{", here.Text, StringComparison.Ordinal);
            if (format is ChatResponseFormatJson { Schema: null }) continue;
            Assert.Equal(Microsoft.Extensions.AI.ChatFinishReason.Stop, here.FinishReason);
            Assert.Equal(["n", "ok"], JsonElement.Parse(here.Text).EnumerateObject().Select(member => member.Name));
        }
    }

    [Fact]
    public async Task Curl_SeesEventsAtOnce()
    {
        await using var server = await TestServer.StartAsync();
        var (exitCode, output) = await RunAsync(
            "curl", Path.GetTempPath(), "-sSN", "-i", $"{server.Url}/v1/chat/completions", "-H", "Content-Type: application/json", "-d",
            TestServer.Ask(more: ", \"stream\": true"));
        Assert.True(exitCode == 0, output);
        Assert.Contains("Content-Type: text/event-stream\r\n", output, StringComparison.Ordinal);
        Assert.Contains("X-Accel-Buffering: no\r\n", output, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", output, StringComparison.Ordinal);
    }

    private static OpenAIClient Client(TestServer server) =>
        new(new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(server.Url + "/v1") });

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, string folder, params string[] args)
    {
        var start = new ProcessStartInfo(program, args)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{program} is not installed here.");
        }

        using (process)
        {
            var (output, error) = (process!.StandardOutput.ReadToEndAsync(Token), process.StandardError.ReadToEndAsync(Token));
            await process.WaitForExitAsync(Token);
            return (process.ExitCode, await output + await error);
        }
    }
}
