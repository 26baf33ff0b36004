using Lapidary.Hub;
using Lapidary.TestHub;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>A stand-in for the Hub with the tiny model and its adapter, and an empty cache on this machine.</summary>
internal sealed class HubRun : IAsyncDisposable
{
    public const string Model = "google/gemma-3-1b-pt", Tokenizer = "google/gemma-3-1b-it", Adapter = "ada/tiny-adapter";

    /// <summary>Never asked for: other people's weights beside the model's.</summary>
    public const string OtherWeights = "original/consolidated.00.pth";

    private HubRun(HubServer server) => Server = server;

    public HubServer Server { get; }

    public TemporaryFolder Folder { get; } = new();

    /// <summary>The token of the environment; null for none.</summary>
    public string? Token { get; set; }

    /// <summary>Answers questions; null where there is no screen.</summary>
    public Func<string, bool, string>? Ask { get; set; }

    public string Cache => Folder["home/hub"];

    public HubOptions Options => Token is { } token
        ? HubSetup.Options(Server.ApiUrl, Folder["home"], token)
        : HubSetup.Options(Server.ApiUrl, Folder["home"]) with { Token = SavedToken() };

    /// <summary>What has been asked for, by the decoded paths.</summary>
    public IEnumerable<string> Paths => Server.Requests.Select(request => request.Path);

    public static async Task<HubRun> StartAsync()
    {
        var server = await HubServer.StartAsync(HubServerOptions.ForLapidary, TestContext.Current.CancellationToken);
        server.AddRepository(Model, configure: repository =>
        {
            repository.AddFolder(TinyModel.WithTokenizer);
            repository.AddFiles((OtherWeights, "x"), ("pytorch_model.bin", "x"), ("README.md", "# Tiny"));
        });
        server.AddRepository(Tokenizer, configure: repository =>
        {
            repository.AddFolder(Fixtures.SmallTokenizer);
            repository.AddFiles(
                ("config.json", File.ReadAllText(Path.Combine(TinyModel.Folder, "config.json"))), ("model.safetensors", "x"));
        });
        server.AddRepository(Adapter, configure: repository =>
        {
            string folder = Fixtures.Path("tiny/adapter");
            string config = File.ReadAllText(Path.Combine(folder, "adapter_config.json"));
            var json = System.Text.Json.Nodes.JsonNode.Parse(config)!;
            json["base_model_name_or_path"] = Model;
            repository.AddFiles(
                ("adapter_config.json", json.ToJsonString()),
                ("adapter_model.safetensors", File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"))),
                ("checkpoint-3/adapter_model.safetensors", "x"), ("README.md", "# Tiny"));
        });
        return new HubRun(server);
    }

    public CliRun Run(params string[] args) => CliRun.OnHub(Options, args, ask: Ask);

    public CliRun RunWith(string input, params string[] args) => CliRun.OnHub(Options, args, input, Ask);

    /// <summary>Offline; a request is a violation.</summary>
    public CliRun Offline(params string[] args)
    {
        Server.RefusesAll = true;
        var run = CliRun.OnHub(Options with { IsOffline = true }, args);
        Server.RefusesAll = false;
        AssertNoViolations();
        return run;
    }

    /// <summary>Fails where the client did what no client should do.</summary>
    public void AssertNoViolations() => Assert.Empty(Server.Violations);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Folder.Dispose();
    }

    private Lapidary.Hub.HubToken? SavedToken()
    {
        string file = Folder["home/token"];
        return File.Exists(file) ? new Lapidary.Hub.HubToken(File.ReadAllText(file), file) : null;
    }
}
