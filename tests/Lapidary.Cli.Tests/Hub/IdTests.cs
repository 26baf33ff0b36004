using System.Text.Json;
using Lapidary.TestHub;

namespace Lapidary.Cli.Tests.Hub;

/// <summary>Ids wherever a folder is taken.</summary>
public class IdTests
{
    [Fact]
    public async Task EveryCommand_TakesIds_AndWorksOfflineOnceTheyAreCached()
    {
        await using var hub = await HubRun.StartAsync();
        string rows = Rows(hub);
        string[][] commands =
        [
            ["plan", "--model", HubRun.Model, "--memory", "1GiB", "--max-length", "16", "--json"],
            ["tokenize", "--model", HubRun.Model, "--text", "a table", "--json"],
            ["tokenize", "--tokenizer", HubRun.Tokenizer, "--text", "a table", "--json"],
            ["score", "--model", HubRun.Model, "--dataset", rows, "--threads", "1", "--json"],
            ["generate", "--model", HubRun.Model, "--input-ids", "2,9", "--max-new-tokens", "2", "--threads", "1", "--json"],
            ["generate", "--adapter", HubRun.Adapter, "--input-ids", "2,9", "--max-new-tokens", "2", "--threads", "1", "--json"],
        ];
        string[] online = [.. commands.Select(command => hub.Run(command).Ok().Out)];
        Assert.Equal(online, commands.Select(command => hub.Offline(command).Ok().Out));
        foreach (string output in online) Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(output).RootElement.ValueKind);
        Assert.DoesNotContain(hub.Paths, path => path.EndsWith(".pth", StringComparison.Ordinal)
            || path.EndsWith(".bin", StringComparison.Ordinal) || path.Contains("checkpoint-3", StringComparison.Ordinal));
        hub.AssertNoViolations();
    }

    [Fact]
    public async Task MergeAndQuantize_TakeIds()
    {
        await using var hub = await HubRun.StartAsync();
        string merged = hub.Folder["merged"], small = hub.Folder["small"];
        var run = hub.Run("merge", "--model", HubRun.Model, "--adapter", HubRun.Adapter, "--output", merged, "--threads", "1").Ok();
        Assert.Contains($"Merging {HubRun.Adapter} into {HubRun.Model}", run.Out, StringComparison.Ordinal);
        Assert.Contains($"fetched    {HubRun.Model}: ", run.Out, StringComparison.Ordinal);
        Assert.Equal("", run.Error);
        Assert.True(File.Exists(Path.Combine(merged, "tokenizer.json")));
        hub.Offline("quantize", "--model", HubRun.Model, "--output", small, "--threads", "1", "--json").Ok();
        hub.Offline("score", "--model", small, "--dataset", Rows(hub), "--threads", "1").Ok();
        hub.AssertNoViolations();
    }

    [Fact]
    public async Task WhatNeedsNoWeights_FetchesNone()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Run("plan", "--model", HubRun.Model, "--memory", "1GiB", "--max-length", "16").Ok();
        hub.Run("tokenize", "--model", HubRun.Model, "--adapter", HubRun.Adapter, "--text", "x").Ok();
        hub.Run("tokenize", "--tokenizer", HubRun.Tokenizer, "--text", "x").Ok();
        hub.Run("train", "--model", HubRun.Model, "--dataset", "no.jsonl", "--output-dir", hub.Folder["out"]).AssertError(1, "no.jsonl");
        Assert.DoesNotContain(hub.Paths, path => path.EndsWith(".safetensors", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARun_KeepsTheIdAsItWasGiven()
    {
        await using var hub = await HubRun.StartAsync();
        string output = hub.Folder["out"];
        var run = hub.Run([.. Train(hub, output), "--model", HubRun.Model]).Ok();
        Assert.Contains($"fetched    {HubRun.Model}: ", run.Out, StringComparison.Ordinal);
        Assert.Contains($"model      {HubRun.Model}: ", run.Out, StringComparison.Ordinal);
        Assert.Contains($"lapidary merge --model {HubRun.Model} --adapter ", run.Out, StringComparison.Ordinal);
        Assert.Equal((HubRun.Model, null), BaseOf(output));
        Assert.Equal((HubRun.Model, null), BaseOf(Path.Combine(output, "checkpoint-2")));
        Assert.Contains($"\nmodel: {HubRun.Model}\n", File.ReadAllText(Path.Combine(output, "run.yaml")), StringComparison.Ordinal);

        // A folder named like the id, where the run goes on, is none of its.
        string yaml = Path.Combine(output, "run.yaml");
        hub.Offline("train", "--config", yaml, "--resume", "--max-steps", "3").Ok();
        hub.Offline("generate", "--adapter", output, "--input-ids", "2", "--max-new-tokens", "1", "--threads", "1").Ok();
        Assert.DoesNotContain(hub.Cache, File.ReadAllText(yaml), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARevision_IsNamedAsPeftNamesIt()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Server.Find(HubRun.Model)!.SetTag("v1");
        hub.Server.Find(HubRun.Model)!.AddFile("config.json", "{}");
        string output = hub.Folder["out"];
        hub.Run([.. Train(hub, output), "--model", HubRun.Model + "@v1"]).Ok();
        Assert.Equal((HubRun.Model, "v1"), BaseOf(output));
        hub.Offline("score", "--adapter", output, "--dataset", Rows(hub), "--threads", "1").Ok();
        hub.Run([.. Train(hub, hub.Folder["other"]), "--model", HubRun.Model]).AssertError(1, "config.json");
    }

    /// <summary>The weights decide: a new README changes nothing, other weights are refused with the commit that had the run's.</summary>
    [Fact]
    public async Task ARun_GoesOnWithItsWeightsAlone()
    {
        await using var hub = await HubRun.StartAsync();
        var repository = hub.Server.Find(HubRun.Model)!;
        string output = hub.Folder["out"], first = repository.Head.Oid, yaml = Path.Combine(output, "run.yaml");
        hub.Run([.. Train(hub, output), "--model", HubRun.Model]).Ok();
        repository.AddFile("README.md", "# Tinier");
        hub.Run("train", "--config", yaml, "--resume", "--max-steps", "3").Ok();
        string second = repository.Head.Oid;
        byte[] weights = File.ReadAllBytes(Path.Combine(TinyModel.Folder, "model.safetensors"));
        weights[^2] ^= 1; // a last digit
        repository.AddFile("model.safetensors", weights);
        hub.Run("train", "--config", yaml, "--resume", "--max-steps", "4")
            .AssertError(1, "other weights of the base", $"use --model {HubRun.Model}@{second} for those of the checkpoint");
        hub.Run("train", "--config", yaml, "--resume", "--max-steps", "4", "--model", $"{HubRun.Model}@{first}").Ok();
    }

    [Fact]
    public async Task AnAdapter_NamesItsBase()
    {
        await using var hub = await HubRun.StartAsync();
        var run = hub.Run(
            "generate", "--adapter", HubRun.Adapter, "--input-ids", "2", "--max-new-tokens", "1", "--threads", "1", "--json").Ok();
        Assert.Equal($"note       --model is not given; the adapter's base is {HubRun.Model}.\n", run.Error);
        hub.Run("merge", "--model", HubRun.Adapter, "--adapter", HubRun.Adapter, "--output", hub.Folder["x"])
            .AssertError(1, $"{HubRun.Adapter}: expected a model (config.json), found an adapter");
        hub.Run("merge", "--model", HubRun.Model, "--adapter", HubRun.Model, "--output", hub.Folder["x"])
            .AssertError(1, $"{HubRun.Model}: expected an adapter (adapter_config.json), found a model");
    }

    [Fact]
    public async Task Refusals_AreOneLineThatSaysWhatToDo()
    {
        await using var hub = await HubRun.StartAsync();
        string[] Score(string model) => ["score", "--model", model, "--dataset", Rows(hub), "--threads", "1", "--json"];
        hub.Run(Score("nobody/nothing")).AssertError(1, "nobody/nothing", "token", "login", "private", "no folder nobody/nothing here");
        hub.Run(Score(HubRun.Model + "@none")).AssertError(1, HubRun.Model, "none");
        hub.Offline(Score(HubRun.Model)).AssertError(1, HubRun.Model, "offline");

        var gated = hub.Server.Find(HubRun.Model)!;
        gated.Gate = HubGate.Auto;
        hub.Run(Score(HubRun.Model)).AssertError(1, $"{hub.Server.ApiUrl}/{HubRun.Model}", "login");
        hub.Token = HubTokens.Read;
        hub.Run(Score(HubRun.Model)).AssertError(1, $"{hub.Server.ApiUrl}/{HubRun.Model}");
        gated.Grant("ada");
        hub.Run(Score(HubRun.Model)).Ok();
        hub.Token = HubTokens.Bad;
        hub.Run(Score(HubRun.Tokenizer)).AssertError(1, "token", "HF_TOKEN");
        hub.AssertNoViolations();
        AssertNoTokenIn(hub);
    }

    [Fact]
    public async Task ADeadHub_IsNamed_UnlessAllIsCached()
    {
        await using var hub = await HubRun.StartAsync();
        string[] score = ["score", "--model", HubRun.Model, "--dataset", Rows(hub), "--threads", "1", "--json"];
        string expected = hub.Run(score).Ok().Out;
        var dead = hub.Options with { Endpoint = new Uri("http://127.0.0.1:9") };
        var run = CliRun.OnHub(dead, score, interrupted: TestContext.Current.CancellationToken).Ok();
        Assert.Equal(expected, run.Out);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
        Assert.Contains("127.0.0.1:9", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFolder_GoesBeforeAnId()
    {
        await using var hub = await HubRun.StartAsync();
        hub.Run("score", "--model", TinyModel.Folder, "--dataset", Rows(hub), "--threads", "1").Ok();
        Assert.Empty(hub.Server.Requests);
    }

    /// <summary>No token in any file of the machine's folders but its own, nor in what was printed.</summary>
    private static void AssertNoTokenIn(HubRun hub)
    {
        foreach (string file in Directory.EnumerateFiles(hub.Folder.Path, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(HubTokens.Mark, File.ReadAllText(file), StringComparison.Ordinal);
    }

    private static (string? Name, string? Revision) BaseOf(string adapter)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(adapter, "adapter_config.json")));
        var root = json.RootElement;
        return (root.GetProperty("base_model_name_or_path").GetString(), root.GetProperty("revision").GetString());
    }

    private static string Rows(HubRun hub) => TinyModel.WriteRows(hub.Folder.Path, TinyModel.Runs(8));

    private static string[] Train(HubRun hub, string output) =>
    [
        "train", "--dataset", Rows(hub), "--output-dir", output, "--max-steps", "2", "--save-strategy", "steps", "--save-steps", "1",
        "--max-length", "16", "--modules-to-save", "none", "--threads", "1",
    ];
}
