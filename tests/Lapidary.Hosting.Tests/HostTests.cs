using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.TextToSql;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lapidary.Hosting.Tests;

public class HostTests
{
    private static readonly ChatOptions Short = new() { MaxOutputTokens = 3 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AClient_AnswersFromTheServices()
    {
        using var host = Host(services => services.AddLapidaryChatClient(Tiny));
        await host.StartAsync(Token);

        var client = host.Services.GetRequiredService<IChatClient>();
        var response = await client.GetResponseAsync("How many?", Short, Token);

        Assert.Equal(3, response.Usage!.OutputTokenCount);
        Assert.Equal("tiny", response.ModelId);
        Assert.Equal("lapidary", client.GetService<ChatClientMetadata>()!.ProviderName);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task KeyedClients_OfOneModel_ShareIt()
    {
        using var host = Host(services =>
        {
            services.AddKeyedLapidaryChatClient("a", Tiny);
            services.AddKeyedLapidaryChatClient("b", options =>
            {
                Tiny(options);
                options.ModelId = "sql-writer";
            });
            services.AddKeyedLapidaryChatClient("nf4", options =>
            {
                Tiny(options);
                options.Quantization = QuantizationKind.Nf4;
            });
        });
        await host.StartAsync(Token);
        IChatClient Client(string key) => host.Services.GetRequiredKeyedService<IChatClient>(key);

        var answers = await Task.WhenAll(new[] { "a", "b", "nf4" }.Select(key => Client(key).GetResponseAsync("Hi", Short, Token)));

        Assert.Equal(["tiny", "sql-writer", "tiny"], answers.Select(answer => answer.ModelId));
        Assert.Equal(answers[0].Text, answers[1].Text);
        Assert.Same(Client("a").GetService<GemmaModel>(), Client("b").GetService<GemmaModel>());
        Assert.NotSame(Client("a").GetService<GemmaModel>(), Client("nf4").GetService<GemmaModel>());
    }

    /// <summary>As in serve: adapters of LoRA alone share the base's steps too, and each answers as alone.</summary>
    [Fact]
    public async Task ClientsOfAdapters_ShareTheirBase()
    {
        using var backend = new CpuBackend(1);
        using var model = GemmaModel.Load(TinyModel.Folder, backend);
        string sql = WriteAdapter(model, new LoraConfig { R = 4 });
        string own = WriteAdapter(model, new LoraConfig { R = 2, ModulesToSave = ["lm_head"] });
        var drawn = new ChatOptions { MaxOutputTokens = 6, Temperature = 1.5f, Seed = 3 };
        string alone;
        using (var adapter = Adapter.Load(model, sql))
        {
            model.Attach(adapter);
            using var client = new GemmaChatClient(model, Tokenizer.Load(TinyModel.Folder), ChatTemplate.Load(TinyModel.Folder));
            alone = (await client.GetResponseAsync("Hi", drawn, Token)).Text;
            model.Attach(null);
        }

        var host = Host(services =>
        {
            services.AddKeyedLapidaryChatClient("base", Tiny);
            foreach (var (key, folder) in new[] { ("sql", sql), ("own", own) })
            {
                services.AddKeyedLapidaryChatClient(key, options =>
                {
                    Tiny(options);
                    options.Adapter = folder;
                });
            }
        });
        await host.StartAsync(Token);
        IChatClient Client(string key) => host.Services.GetRequiredKeyedService<IChatClient>(key);
        string[] keys = ["base", "sql", "own"];

        var answers = await Task.WhenAll(keys.Select(key => Client(key).GetResponseAsync("Hi", drawn, Token)));

        Assert.Equal(alone, answers[1].Text);
        Assert.NotEqual(answers[0].Text, answers[1].Text);
        var models = keys.Select(key => Client(key).GetService<GemmaModel>()!).ToArray();
        Assert.All(models[1..], each => Assert.Same(models[0].EmbedTokens, each.EmbedTokens));
        var engines = host.Services.GetRequiredService<SharedModels>().All.ToDictionary(
            each => each.Key.Adapter ?? "", each => each.Loading!.Result.Engine.Together);
        Assert.Same(engines[""], engines[sql]);
        Assert.NotSame(engines[""], engines[own]);
        var memory = models[0].Backend.Memory;
        host.Dispose();
        Assert.Equal(0, memory.LiveBytes);
    }

    [Fact]
    public async Task Options_AreCheckedBeforeTheHostStarts()
    {
        using var host = Host(services => services.AddKeyedLapidaryChatClient(
            "sql", options => (options.Device, options.ActivationDType) = ("gpu", DType.Float32)));

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));

        Assert.Contains("\"sql\": Model must name a folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("ActivationDType must be BFloat16, Float16 or null, got Float32", error.Message, StringComparison.Ordinal);
        Assert.Contains("Device must be auto, cpu, cuda or cuda:N, got \"gpu\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheHealthCheck_TellsWhetherTheModelsAreThere()
    {
        using var host = Host(services =>
        {
            services.AddLapidaryChatClient(Tiny);
            services.AddHealthChecks().AddLapidary();
        });
        var health = host.Services.GetRequiredService<HealthCheckService>();
        var before = await health.CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Unhealthy, before.Status);
        Assert.Contains("not loaded", before.Entries["lapidary"].Description, StringComparison.Ordinal);

        await host.StartAsync(Token);
        _ = await host.Services.GetRequiredService<IChatClient>().GetResponseAsync("Hi", Short, Token);

        var after = await health.CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Healthy, after.Status);
        Assert.Contains("ready", after.Entries["lapidary"].Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AModelThatIsLoadedWhenAskedFor_IsHealthyBefore()
    {
        using var host = Host(services =>
        {
            services.AddLapidaryChatClient(options =>
            {
                Tiny(options);
                options.LoadAtStart = false;
            });
            services.AddHealthChecks().AddLapidary();
        });
        await host.StartAsync(Token);
        var health = host.Services.GetRequiredService<HealthCheckService>();

        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(Token)).Status);
        Assert.NotEmpty((await host.Services.GetRequiredService<IChatClient>().GetResponseAsync("Hi", Short, Token)).Messages);
    }

    /// <summary>First the base is missing, then the adapter.</summary>
    [Fact]
    public async Task AModelThatCouldNotBeLoadedWhenAskedFor_IsTriedAgain()
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "late"), adapter = Path.Combine(Fixtures.TemporaryFolder(), "sql");
        using var host = Host(services =>
        {
            services.AddLapidaryChatClient(options =>
            {
                (options.Model, options.Adapter, options.Device) = (folder, adapter, "cpu");
                options.LoadAtStart = false;
            });
            services.AddHealthChecks().AddLapidary();
        });
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<IChatClient>();
        var health = host.Services.GetRequiredService<HealthCheckService>();

        await Assert.ThrowsAsync<LapidaryException>(() => client.GetResponseAsync("Hi", Short, Token));
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync(Token)).Status);
        TinyGemma.Write(folder);
        var error = await Assert.ThrowsAsync<LapidaryException>(() => client.GetResponseAsync("Hi", Short, Token));
        Assert.Contains("sql", error.Message, StringComparison.Ordinal);
        using (var backend = new CpuBackend(1))
        {
            using var model = GemmaModel.Load(folder, backend);
            Directory.Move(WriteAdapter(model, new LoraConfig { R = 4 }), adapter);
        }

        Assert.Equal(3, (await client.GetResponseAsync("Hi", Short, Token)).Usage!.OutputTokenCount);
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(Token)).Status);
    }

    [Fact]
    public async Task AModelThatCannotBeLoaded_StopsTheHost_AndSaysWhy()
    {
        using var host = Host(services =>
        {
            services.AddLapidaryChatClient(options => (options.Model, options.Device) = (Path.GetTempPath() + "/no-such-model", "cpu"));
            services.AddHealthChecks().AddLapidary();
        });
        var stopping = new TaskCompletionSource();
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);

        await host.StartAsync(Token);
        await stopping.Task.WaitAsync(TimeSpan.FromMinutes(1), Token);

        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
        Assert.Contains("no-such-model", report.Entries["lapidary"].Exception!.Message, StringComparison.Ordinal);
    }

    /// <summary>An adapter that changes answers.</summary>
    private static string WriteAdapter(GemmaModel model, LoraConfig config)
    {
        using var adapter = Adapter.Create(model, config, seed: config.R);
        var random = new Random(config.R);
        foreach (var parameter in adapter.Parameters.Where(each => each.Name.Contains("lora_B", StringComparison.Ordinal)))
        {
            var values = new float[parameter.Value.Count];
            for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
            model.Backend.Write<float>(values, parameter.Value);
        }

        string folder = Fixtures.TemporaryFolder();
        adapter.Save(folder, model);
        return folder;
    }

    private static void Tiny(LapidaryChatClientOptions options) => (options.Model, options.Device) = (TinyModel.Folder, "cpu");

    private static IHost Host(Action<IServiceCollection> add)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        add(builder.Services);
        return builder.Build();
    }
}
