using System.Diagnostics;
using System.Text;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Server;
using Lapidary.TextToSql;

namespace Lapidary.Benchmarks;

/// <summary>Requests per second and latencies of a server under load, beside the engine alone. Clients, server and engine share the machine
/// and the process.</summary>
internal static class ServeBenchmark
{
    private const int Tokens = 32, Rounds = 3;

    private static readonly string[] Questions = [.. Enumerable.Range(0, 40).Select(i => $"How many users have more than {i * 7} orders?")];

    /// <summary>Measures.</summary>
    /// <param name="folder">A model; the built-in tiny one if null.</param>
    public static async Task RunAsync(string? folder)
    {
        string made = Path.Combine(Path.GetTempPath(), $"lapidary-tiny-{Environment.ProcessId}");
        if (folder is null) TinyGemma.Write(made);
        folder ??= made;
        using var backend = Backend.Auto();
        using var model = GemmaModel.Load(folder, backend);
        var (tokenizer, template) = (Tokenizer.Load(folder), ChatTemplate.Load(folder));
        using var engine = new GenerationEngine(model, 32) { ReservedLength = 512 };
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0 });
        server.Serve([new ServedModel("m", engine, tokenizer, template, Math.Min(512, model.Config.MaxPositionEmbeddings))]);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        int[][] prompts =
        [
            .. Questions.Select(question => template.Encode(tokenizer, [new ChatTurn("user", question)], addGenerationPrompt: true)),
        ];
        var options = new GenerationOptions { MaxNewTokens = Tokens };

        Console.WriteLine($"{folder} on {backend.Description}, {Tokens} tokens an answer, best of {Rounds} rounds");
        Console.WriteLine("callers  what      requests/s   tokens/s   p50 ms   p99 ms");
        foreach (int callers in new[] { 1, 8, 32 })
        {
            (string What, Func<int, Task> Ask)[] kinds =
            [
                ("engine", i => engine.GenerateAsync(prompts[i % prompts.Length], options)),
                ("server", i => PostAsync(client, i, isStream: false)),
                ("stream", i => PostAsync(client, i, isStream: true)),
            ];
            var best = new (double Seconds, double[] Times)[kinds.Length];
            int requests = Math.Max(60, 10 * callers);
            for (int round = 0; round < Rounds; round++)
            {
                for (int k = 0; k < kinds.Length; k++) // in turn, as other work on the machine comes and goes
                {
                    var now = await MeasureAsync(callers, requests, kinds[k].Ask);
                    if (round == 0 || now.Seconds < best[k].Seconds) best[k] = now;
                }
            }

            for (int k = 0; k < kinds.Length; k++) Print(callers, kinds[k].What, best[k].Seconds, best[k].Times);
        }

        if (Directory.Exists(made)) Directory.Delete(made, recursive: true);
    }

    private static async Task PostAsync(HttpClient client, int i, bool isStream)
    {
        string json = $$"""
            {"model": "m", "messages": [{"role": "user", "content": "{{Questions[i % Questions.Length]}}"}],
             "max_tokens": {{Tokens}}, "temperature": 0, "stream": {{(isStream ? "true" : "false")}}}
            """;
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync("/v1/chat/completions", content);
        response.EnsureSuccessStatusCode();
        _ = await response.Content.ReadAsStringAsync();
    }

    private static async Task<(double Seconds, double[] Times)> MeasureAsync(int callers, int requests, Func<int, Task> ask)
    {
        await Task.WhenAll(Enumerable.Range(0, callers).Select(ask));
        var times = new double[requests];
        int next = -1;
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < requests;)
            {
                long from = Stopwatch.GetTimestamp();
                await ask(i);
                times[i] = Stopwatch.GetElapsedTime(from).TotalMilliseconds;
            }
        })));
        return (Stopwatch.GetElapsedTime(started).TotalSeconds, times);
    }

    private static void Print(int callers, string what, double seconds, double[] times)
    {
        Array.Sort(times);
        double rate = times.Length / seconds;
        Console.WriteLine(FormattableString.Invariant(
            $"{callers,7}  {what,-8} {rate,11:F1} {rate * Tokens,10:F0} {At(0.5),8:F1} {At(0.99),8:F1}"));

        double At(double share) => times[(int)(share * (times.Length - 1))];
    }
}
