using Lapidary.Hub;
using Lapidary.TestHub;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>train with --push-to-hub, on a strict server.</summary>
public sealed class PushTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private HubServer? _server;

    private HubServer Server => _server!;

    public async ValueTask InitializeAsync() =>
        _server = await HubServer.StartAsync(HubServerOptions.ForLapidary, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(Server.Violations);
        await Server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void ARun_IsPushed_PrivateAndWithoutWhatIsTheUsersAlone()
    {
        var run = Train("out", [.. Push("ada/tiny"), "--max-steps", "2", "--json"]).Ok();
        var repository = Server.Find("ada/tiny")!;
        Assert.True(repository.IsPrivate);
        Assert.Equal(repository.Head.Oid, run.Json.GetProperty("hub_commit").GetString());
        Assert.Equal("ada/tiny", run.Json.GetProperty("hub_model_id").GetString());
        Assert.All(
            ["README.md", "adapter_config.json", "adapter_model.safetensors"], path => Assert.Contains(path, repository.Head.Files.Keys));
        Assert.DoesNotContain(
            repository.Head.Files.Keys,
            path => path is "run.yaml" or "manifest.json" or "question.json" or "prompt.txt" || path.Contains('/'));
        Assert.DoesNotContain(HubTokens.Mark, run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void APush_ShowsThePage_AndWhatToTypeNext()
    {
        string text = Train("out", [.. Push("ada/tiny"), "--max-steps", "1"]).Ok().Out;
        Assert.Contains($"pushed     ada/tiny at {Server.Find("ada/tiny")!.Head.Oid[..12]}\n", text, StringComparison.Ordinal);
        Assert.Contains($"page       {Server.ApiUrl.TrimEnd('/')}/ada/tiny\n", text, StringComparison.Ordinal);
        Assert.Contains("lapidary generate --adapter ada/tiny --input-ids ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAToken_TheOptionIsNamed_AndNotTheFolder()
    {
        var run = On(Hub() with { Token = null }, [.. Args("np"), "--push-to-hub"]);
        run.AssertError(1, "lapidary: --push-to-hub: expected a token that may write, found none", "lapidary login", "--push-to-hub false");
        Assert.DoesNotContain("np:", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void SomebodyElsesName_IsAnsweredWithOnesOwn()
    {
        On(Hub(), [.. Args("out"), .. Push("bob/tiny")]).AssertError(1, "bob/tiny: you are ada", "use ada/tiny or acme/tiny");
        File.WriteAllText(_folder["file.txt"], "x");
        On(Hub(), "upload", _folder.Path, "bob/tiny").AssertError(1, "bob/tiny: you are ada", "use ada/tiny");
    }

    [Fact]
    public void AResumedRun_IsPushedToTheSameRepository()
    {
        Train("out", [.. Push("first-name"), "--max-steps", "2", "--save-strategy", "steps", "--save-steps", "1"]).Ok();
        string first = Path.Combine(_folder["out"], "checkpoint-1"), settings = Path.Combine(_folder["out"], "run.yaml");
        Assert.Contains("hub_model_id: ada/first-name", File.ReadAllText(settings), StringComparison.Ordinal);
        On(Hub(), "train", "--config", settings, "--resume", first).Ok();
        Train("out", ["--push-to-hub", "--max-steps", "2", "--save-strategy", "steps", "--save-steps", "1", "--resume", first]).Ok();
        Assert.Single(Server.Repositories);
    }

    [Fact]
    public void ABadToken_IsOneLine_BeforeAnythingIsTrained()
    {
        var run = On(Hub(HubTokens.Bad), [.. Args("out"), .. Push("ada/tiny")]);
        run.AssertError(1, "token", "HF_TOKEN");
        Assert.DoesNotContain("step ", run.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder["out"], "run.yaml")));
        Assert.DoesNotContain(HubTokens.Mark, run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WhereTheEndCannotBePushed_TheCommandForItIsSaid_AndWorks()
    {
        Server.Add(HubFault.Status("POST */commit/*", 403, "not today") with { Times = HubFault.Always });
        var run = Train("out", [.. Push("ada/tiny"), "--max-steps", "1", "--save-strategy", "no"]).Ok();
        run.AssertError(0, "not today", "finish with: lapidary upload ");
        Assert.Equal(1, run.Error.Count(c => c == '\n'));

        Server.ClearFaults();
        string command = run.Error[(run.Error.IndexOf("lapidary upload", StringComparison.Ordinal) + "lapidary ".Length)..].Trim();
        On(Hub(), [.. command.Split(' ').Select(word => word.Trim('\''))]).Ok();
        var files = Server.Find("ada/tiny")!.Head.Files;
        Assert.True(files.ContainsKey("adapter_model.safetensors"));
        Assert.DoesNotContain(
            files.Keys, path => path is "run.yaml" or "manifest.json" or "question.json" or "prompt.txt" || path.Contains('/'));
    }

    [Fact]
    public void ARunThatIsUploadedByHand_GetsItsCard()
    {
        Train("out", ["--max-steps", "1", "--save-strategy", "no"]).Ok();
        string own = File.ReadAllText(Path.Combine(_folder["out"], "README.md"));
        Assert.Contains("Adapter.Load(model, \"out\")", own, StringComparison.Ordinal);
        var run = On(Hub(), "upload", _folder["out"], "ada/tiny").Ok();
        Assert.Contains("--exclude run.yaml", run.Error, StringComparison.Ordinal);
        string card = System.Text.Encoding.UTF8.GetString(Server.Find("ada/tiny")!.Head.Files["README.md"].Content.ToArray());
        Assert.Contains("library_name: peft", card, StringComparison.Ordinal);
        Assert.Contains("max_steps | 1 |", card, StringComparison.Ordinal);
        Assert.Contains("Adapter.Load(model, \"ada/tiny\")", card, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Path, card, StringComparison.Ordinal);
    }

    [Fact]
    public void AToken_IsNoOption()
    {
        var run = Train("out", [.. Push("ada/tiny"), "--hub-token", HubTokens.Write]);
        run.AssertError(1, "hub_token", "lapidary login", "HF_TOKEN");
        Assert.DoesNotContain(HubTokens.Mark, run.Out + run.Error, StringComparison.Ordinal);
        string file = _folder["settings.yaml"];
        File.WriteAllText(file, $"hub_token: {HubTokens.Write}\n");
        run = Train("out", ["--config", file]);
        run.AssertError(1, "hub_token");
        Assert.DoesNotContain(HubTokens.Mark, run.Out + run.Error, StringComparison.Ordinal);
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public void OptionsOfAPush_WithoutOne_AreNoted() => Assert.Contains(
        "--hub-strategy changes nothing without --push-to-hub", Train("out", ["--hub-strategy", "end", "--max-steps", "1"]).Ok().Out,
        StringComparison.Ordinal);

    private static string[] Push(string id) => ["--push-to-hub", "--hub-model-id", id];

    private CliRun Train(string output, string[] more) => On(Hub(), [.. Args(output), .. more]);

    private static CliRun On(HubOptions hub, params string[] args) =>
        CliRun.OnHub(hub, args, interrupted: TestContext.Current.CancellationToken);

    private HubOptions Hub(string token = HubTokens.Write) => HubSetup.Options(Server.ApiUrl, _folder["home"], token);

    private string[] Args(string output) =>
    [
        "train", "--model", TinyModel.Folder, "--dataset", TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4), "rows.jsonl"),
        "--output-dir", _folder[output], "--threads", "1", "--packing", "false", "--max-length", "16", "--target-modules", "q_proj,v_proj",
        "--modules-to-save", "none", "--gradient-checkpointing", "false", "--logging-steps", "1", "--report-to", "none",
    ];
}
