using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Server;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Serving;

/// <summary>Many callers of one server, with requests of all lengths, who leave, read slowly, or send half of a request, at
/// random.</summary>
/// <remarks>Nothing runs beside it: its bound on managed memory is of the whole process.</remarks>
[Collection(nameof(ManyRequestsTests))]
[CollectionDefinition(nameof(ManyRequestsTests), DisableParallelization = true)]
public class ManyRequestsTests
{
    private const int Kinds = 60, Callers = 24;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>No answer changes, no slot is lost, and memory stays as it was.</summary>
    [Fact]
    public async Task Answers_AreThoseOfRequestsAlone_AndNothingIsLost()
    {
        var random = new Random(Numbers.Seed);
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, new ModelOptions { Quantization = QuantizationKind.Nf4 });
        using var view = model.ShareWeights();
        using var adapter = RandomAdapter(view, random);
        view.Attach(adapter);
        var (tokenizer, template) = (Tokenizer.Load(Fixtures.SmallTokenizer), ChatTemplate.Load(Fixtures.SmallTokenizer));
        using var ofBase = new GenerationEngine(model, 6);
        using var ofAdapter = ofBase.Join(view);
        foreach (var engine in new[] { ofBase, ofAdapter }) Assert.Equal(6, engine.Prepare(512));
        await using var server = await LapidaryServer.StartAsync(new() { Port = 0, MaxWaiting = 200 }, Token);
        server.Serve(
        [
            new ServedModel("base", ofBase, tokenizer, template),
            new ServedModel("adapter", ofAdapter, tokenizer, template) { Parent = "base" },
        ]);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };

        var kinds = Enumerable.Range(0, Kinds).Select(kind => RequestKind.New(random, kind)).ToArray();
        foreach (var kind in kinds) kind.Expected = await kind.AskAsync(client, Token);

        Assert.True(kinds.Count(kind => kind.Expected.StartsWith("200", StringComparison.Ordinal)) > Kinds / 2);
        Assert.Contains(kinds, kind => kind.Expected == "400");
        Assert.Contains(kinds, kind => kind.Expected == "404");

        int count = Numbers.Requests, whole = 0, left = 0;
        (long Device, long Managed, long Resident) before = default;
        using var room = new SemaphoreSlim(Callers);
        var callers = new List<Task>();
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < count; i++)
        {
            await room.WaitAsync(Token);
            callers.RemoveAll(task => task.IsCompletedSuccessfully);
            callers.Add(CallAsync(kinds[random.Next(Kinds)], random.Next(20), random.Next(1, 400)));
            if (i == count / 2)
            {
                await Task.WhenAll(callers);
                before = await MemoryAsync();
            }
        }

        await Task.WhenAll(callers);
        var after = await MemoryAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{count} requests in {watch.Elapsed.TotalSeconds:F1} s: {whole} read to their end, {left} left; bytes half-way and at the "
            + $"end: device {before.Device} {after.Device}, managed {before.Managed} {after.Managed}, resident {before.Resident} "
            + $"{after.Resident}");
        Assert.Equal(count, whole + left);
        Assert.True(whole > count / 2, $"{whole} of {count} requests were read to their end.");
        Assert.Equal(before.Device, after.Device);
        Assert.True(
            after.Managed - before.Managed < 4 << 20, $"managed memory: {before.Managed} bytes half-way, {after.Managed} at the end");
        Assert.Equal((0, 0), ofBase.Load);
        Assert.Equal((0, 0), ofAdapter.Load);

        // All slots are free.
        foreach (var kind in kinds) Assert.Equal(kind.Expected, await kind.AskAsync(client, Token));

        async Task CallAsync(RequestKind kind, int fate, int after)
        {
            try
            {
                if (fate > 5)
                {
                    Assert.Equal(kind.Expected, await kind.AskAsync(client, Token));
                    Interlocked.Increment(ref whole);
                    return;
                }

                string? reply = await RawAsync(kind, fate, after);
                if (reply is null) Interlocked.Increment(ref left);
                else
                {
                    Assert.Equal(kind.Expected, reply);
                    Interlocked.Increment(ref whole);
                }
            }
            finally
            {
                room.Release();
            }
        }

        // fate 0, 1: leaves after some bytes of the reply; 2: before it; 3: in the middle of the request; 4, 5: reads slowly to the end.
        async Task<string?> RawAsync(RequestKind kind, int fate, int bytes)
        {
            using var socket = new TcpClient { ReceiveBufferSize = 2048, LingerState = new LingerOption(bytes % 2 == 0, 0) };
            await socket.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, Token);
            var stream = socket.GetStream();
            byte[] body = Encoding.UTF8.GetBytes(kind.Json);
            byte[] request =
            [
                .. Encoding.ASCII.GetBytes($"POST {kind.Path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + $"Content-Length: {body.Length}\r\n\r\n"),
                .. body,
            ];
            if (fate == 3)
            {
                await stream.WriteAsync(request.AsMemory(0, Math.Min(bytes, request.Length - 1)), Token);
                return null;
            }

            await stream.WriteAsync(request, Token);
            if (fate == 2)
            {
                await Task.Delay(bytes % 30, Token);
                return null;
            }

            byte[] buffer = new byte[fate < 2 ? 64 : 512];
            using var all = new MemoryStream();
            for (int read; (read = await stream.ReadAsync(buffer, Token)) > 0;)
            {
                all.Write(buffer, 0, read);
                if (fate < 2 && all.Length > bytes) return null;
                if (fate >= 4) await Task.Delay(bytes % 10, Token);
            }

            string text = Encoding.UTF8.GetString(all.ToArray());
            int status = int.Parse(text.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture);
            return RequestKind.TextsOf(status, text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
        }

        async Task<(long Device, long Managed, long Resident)> MemoryAsync()
        {
            for (int i = 0; ofBase.Load is not (0, 0) || ofAdapter.Load is not (0, 0); i++)
            {
                Assert.True(i < 6000, "An answer still runs, although its reader left.");
                await Task.Delay(10, Token);
            }

            await Task.Delay(200, Token);
            return (backend.Memory.LiveBytesOf(MemoryOwner.KvCache) + backend.Memory.LiveBytesOf(MemoryOwner.Activations),
                GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet);
        }
    }

    /// <summary>As a run would have saved it: an adapter that is trained has no part in others' steps.</summary>
    private static Adapter RandomAdapter(GemmaModel model, Random random)
    {
        string folder = Fixtures.TemporaryFolder();
        using var made = Adapter.Create(model, new LoraConfig { R = 4 }, seed: 1);
        foreach (var parameter in made.Parameters)
        {
            float[] values = [.. Enumerable.Range(0, (int)parameter.Value.Count).Select(_ => random.NextSingle() - 0.5f)];
            model.Backend.Write<float>(values, parameter.Value);
        }

        made.Save(folder, model);
        return Adapter.Load(model, folder);
    }
}
