using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Lapidary.Cli.Tests.Serving;

/// <summary>serve as a process: its line, its models, its end.</summary>
public sealed class ServeTests : IDisposable
{
    private const string Question =
        """{"model": "NAME", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 200, "temperature": 0, "stream": true}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheBaseAndItsAdapters_AreServed_UntilASignal_WhichLetsAnswersEnd()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");
        string model = TinyModel.WithTokenizer, adapter = WriteAdapter(model), withHead = WriteAdapter(model, "lm_head");
        using var tool = Tool.StartWith(
            [("LAPIDARY_API_KEY", "from-the-environment")], "serve", "--model", Path.Combine(model, "."), "--adapter", adapter,
            "--adapter", $"sql={adapter}", "--adapter", $"own={withHead}", "--port", "0", "--device", "cpu", "--max-batch", "2",
            "--max-length", "256", "--api-key-file", Write("keys.txt", "# ours\n\nfrom-the-file\n"));
        tool.WaitFor(() => tool.Printed.Contains('\n', StringComparison.Ordinal));
        string url = JsonDocument.Parse(tool.Printed).RootElement.GetProperty("url").GetString()!;
        Assert.StartsWith("http://127.0.0.1:", url, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(url) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "from-the-file");

        var list = JsonDocument.Parse(await client.GetStringAsync("/v1/models", Token)).RootElement.GetProperty("data");
        string name = Path.GetFileName(model);
        Assert.Equal([name, "adapter", "sql", "own"], list.EnumerateArray().Select(entry => entry.GetProperty("id").GetString()));
        Assert.Equal([null, name, name, name], list.EnumerateArray().Select(entry => entry.GetProperty("parent").GetString()));
        using var other = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        other.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "from-the-environment");
        using var byOther = await client.SendAsync(other, Token);
        Assert.True(byOther.IsSuccessStatusCode);

        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(Question.Replace("NAME", "sql", StringComparison.Ordinal), Encoding.UTF8, "application/json"),
        };
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        tool.Send("TERM");
        Assert.EndsWith("data: [DONE]\n\n", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);

        var run = tool.End();
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal($"{{\"url\":\"{url}\"}}\n", run.Out);
        foreach (string together in new[] { $"{name}, adapter, sql", "own" })
            Assert.Contains($" {together}: up to 2 answers at a time, each of up to 256 tokens", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("from-the", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACallerByAnotherName_IsToldTheOption()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no kill.");
        using var tool = Tool.Start("serve", "--model", TinyModel.WithTokenizer, "--port", "0", "--device", "cpu");
        tool.WaitFor(() => tool.Printed.Contains('\n', StringComparison.Ordinal));
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(
            HttpMethod.Get, JsonDocument.Parse(tool.Printed).RootElement.GetProperty("url").GetString() + "/v1/models");
        request.Headers.Host = "evil.example";
        using var response = await client.SendAsync(request, Token);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains(
            "start it with one, or use --allow-no-key.", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        tool.Send("TERM");
        Assert.Equal(0, tool.End().ExitCode);
    }

    [Fact]
    public void APortInUse_IsOneLine_BeforeTheModelIsRead()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        string port = $"{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}";
        CliRun.Of("serve", "--model", _folder["no-model"], "--port", port)
            .AssertError(1, $"127.0.0.1:{port} cannot be used: another program uses it");
    }

    [Theory]
    [InlineData("serve", 2, "--model (or --adapter) is missing")]
    [InlineData("serve --model m --adapter =x", 2, "expected NAME=DIR_OR_ID")]
    [InlineData("serve --model m --port 70000", 2, "--port: expected a whole number from 0 to 65535")]
    [InlineData("serve --model m --host 0.0.0.0 --port 0", 1, "give an --api-key-file, or use --allow-no-key")]
    [InlineData("serve --model m --host no.such.host.invalid --port 0", 1, "address or name of this machine")]
    [InlineData("serve --model m --port 0 --api-key-file no-such-file", 1, "no-such-file: file not found")]
    public void WhatCannotBeServed_IsSaid(string line, int exitCode, string words) =>
        CliRun.Of(line.Split(' ')).AssertError(exitCode, words);

    [Fact]
    public void WhatDoesNotFit_IsSaid()
    {
        string model = TinyModel.WithTokenizer;
        CliRun.Of("serve", "--model", model, "--port", "0", "--max-length", "1000000")
            .AssertError(1, "--max-length: expected at most the model's context of ", " tokens, found 1000000; give a smaller one");
        CliRun.Of("serve", "--model", model, "--port", "0", "--api-key-file", Write("empty.txt", "# none\n"))
            .AssertError(1, "expected an API key on a line, found none");
        string adapter = WriteAdapter(model);
        CliRun.Of("serve", "--model", model, "--port", "0", "--adapter", adapter, "--adapter", adapter)
            .AssertError(2, "two models have the name adapter");
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    private string WriteAdapter(string model, string? saved = null)
    {
        string folder = _folder[saved ?? "adapter"];
        using var backend = new Lapidary.Engine.CpuBackend(1);
        using var loaded = Lapidary.Gemma.GemmaModel.Load(model, backend);
        var config = new Lapidary.Gemma.LoraConfig { R = 2, ModulesToSave = saved is null ? [] : [saved] };
        using var adapter = Lapidary.Gemma.Adapter.Create(loaded, config, seed: 1);
        adapter.Save(folder, loaded);
        return folder;
    }
}
