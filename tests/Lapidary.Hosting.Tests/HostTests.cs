using Lapidary.Engine;
using Lapidary.Gemma;
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

    private static void Tiny(LapidaryChatClientOptions options) => (options.Model, options.Device) = (TinyModel.Folder, "cpu");

    private static IHost Host(Action<IServiceCollection> add)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        add(builder.Services);
        return builder.Build();
    }
}
