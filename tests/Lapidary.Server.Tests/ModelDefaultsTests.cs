using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Microsoft.Extensions.AI;

namespace Lapidary.Server.Tests;

/// <summary>What a request does not give is as generation_config.json says, by HTTP and in C#.</summary>
public class ModelDefaultsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ATopPOfZeroInTheFile_TakesTheLikeliest()
    {
        await using var doors = await Doors.OpenAsync("""{"top_p": 0.0, "eos_token_id": 1}""");
        string greedy = await doors.AskAsync(temperature: 0);
        Assert.Equal(greedy, await doors.AskAsync(temperature: 1.9f));
        Assert.NotEqual(greedy, await doors.AskAsync(temperature: 1.9f, topP: 1));
    }

    /// <summary>Another field does not change it.</summary>
    [Theory]
    [InlineData("""{"temperature": 0.0, "do_sample": true, "eos_token_id": 1}""")]
    [InlineData("""{"temperature": 0.0, "eos_token_id": 1}""")]
    public async Task ATemperatureOfZeroInTheFile_TakesTheLikeliest(string file)
    {
        await using var doors = await Doors.OpenAsync(file);
        string greedy = await doors.AskAsync(temperature: 0);
        Assert.Equal(greedy, await doors.AskAsync());
        Assert.Equal(greedy, await doors.AskAsync(topK: 5));
        Assert.Equal(greedy, await doors.AskAsync(topP: 0.9f));
        Assert.NotEqual(greedy, await doors.AskAsync(temperature: 1.9f, topK: 5));
    }

    /// <summary>Both doors of a model whose file says something.</summary>
    private sealed class Doors(CpuBackend backend, GemmaModel model, TestServer server, GemmaChatClient client) : IAsyncDisposable
    {
        private const string Question = "How many users are there?";

        public static async Task<Doors> OpenAsync(string file)
        {
            string folder = Fixtures.TemporaryFolder();
            foreach (string path in Directory.GetFiles(TinyModel.Instance.Folder))
                File.Copy(path, Path.Combine(folder, Path.GetFileName(path)));
            await File.WriteAllTextAsync(Path.Combine(folder, GenerationConfig.FileName), file, Token);
            var backend = new CpuBackend(1);
            var model = GemmaModel.Load(folder, backend);
            var server = await TestServer.StartAsync(model: model);
            var tiny = TinyModel.Instance;
            return new(backend, model, server, new GemmaChatClient(server.Models[0].Engine, tiny.Tokenizer, tiny.Template));
        }

        /// <summary>The answer of both, which is the same.</summary>
        public async Task<string> AskAsync(float? temperature = null, float? topP = null, int? topK = null)
        {
            string Field(string name, object? value) => value is null ? "" : $", \"{name}\": {JsonSerializer.Serialize(value)}";
            var reply = await server.ChatAsync(
                Question, Field("temperature", temperature) + Field("top_p", topP) + Field("top_k", topK) + Field("seed", 3));
            var options = new ChatOptions { Temperature = temperature, TopP = topP, TopK = topK, Seed = 3, MaxOutputTokens = 8 };
            var answer = await client.GetResponseAsync(Question, options, Token);
            Assert.Equal(answer.Text, reply.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
            return answer.Text;
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await server.DisposeAsync();
            model.Dispose();
            backend.Dispose();
        }
    }
}
