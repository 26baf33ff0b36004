using System.Text.Json.Nodes;
using Lapidary.Cli.Commands;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

/// <summary>A run's folder brings the same run again, wherever it lies.</summary>
public sealed class ManifestTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Train(string output, params string[] more)
    {
        Directory.CreateDirectory(_folder["job"]);
        string rows = TinyModel.WriteRows(_folder["job"], TinyModel.Runs(6), "rows \u00e9 \ud83d\ude00.jsonl");
        CliRun.Of([
            "train", "--model", TinyModel.Folder, "--dataset", rows,
            "--output-dir", Path.Combine(_folder["job"], output), "--threads", "1", "--packing", "false", "--max-length", "16",
            "--target-modules", "q_proj,v_proj", "--modules-to-save", "none", "--learning-rate", "2e-5", "--max-steps", "2", .. more]).Ok();
        return Path.Combine(_folder["job"], output);
    }

    private static byte[] Adapter(string folder) => File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));

    [Fact]
    public void TheManifest_IsTheRunAgain()
    {
        string run = Train("run");
        string again = _folder["again"];
        CliRun.Of("train", "--config", Path.Combine(run, "manifest.json"), "--output-dir", again).Ok();
        Assert.Equal(Adapter(run), Adapter(again));
        CliRun.Of("train", "--config", Path.Combine(run, "manifest.json")).AssertError(1, "holds a run already");
        CliRun.Of("train", "--config", Path.Combine(run, "manifest.json"), "--resume", "--max-steps", "3").Ok();
    }

    /// <summary>What the manifest says of its job holds, or the job is another one.</summary>
    [Fact]
    public void TheManifest_RefusesOtherData_AndRunYamlTrainsOnThem()
    {
        string run = Train("run", "--test-size", "2");
        string manifest = Path.Combine(run, "manifest.json"), settings = Path.Combine(run, "run.yaml");
        string rows = Directory.GetFiles(_folder["job"], "*.jsonl").Single();
        File.AppendAllText(rows, "{\"input_ids\": [5, 6, 7]}\n");
        var refused = CliRun.Of("train", "--config", manifest, "--output-dir", _folder["again"]);
        refused.AssertError(1, $"{manifest}: hashes.data: expected ", ", found ", rows, "other data (rows, tokens or labels)",
            $"use --config {settings} to train on what is there now");
        Assert.Matches("expected [0-9a-f]{12}, found [0-9a-f]{12} in", refused.Error);
        Assert.False(Directory.Exists(_folder["again"]));
        CliRun.Of("train", "--config", settings, "--output-dir", _folder["again"]).Ok();

        // Who asks for other rows gets them, and is told.
        var other = CliRun.Of("train", "--config", manifest, "--output-dir", _folder["other"], "--dataset", rows).Ok();
        Assert.Contains($"note       with --dataset, the run trains on other rows, tokens or labels than that of {manifest}.", other.Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void TheManifest_RefusesAnotherBase_BeforeAFileIsWritten()
    {
        string model = _folder["model"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(TinyModel.Folder)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string run = Train("run", "--model", model), manifest = Path.Combine(run, "manifest.json");
        string changed = Variant.Of(model, tensors => tensors["model.norm.weight"] = tensors["model.norm.weight"].With(0, 7));
        foreach (string file in Directory.GetFiles(changed, "*.safetensors"))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)), overwrite: true);
        CliRun.Of("train", "--config", manifest, "--output-dir", _folder["again"])
            .AssertError(1, "hashes.base_weights: expected ", model, "other weights of the base", "Give the base that it had");
        Assert.False(Directory.Exists(_folder["again"]) && Directory.EnumerateFileSystemEntries(_folder["again"]).Any());
        CliRun.Of("train", "--config", manifest, "--output-dir", _folder["again"], "--model", model).Ok();
    }

    [Fact]
    public void AManifestWithoutHashes_SaysThatNothingIsCompared()
    {
        string manifest = Path.Combine(Train("run"), "manifest.json");
        var json = JsonNode.Parse(File.ReadAllText(manifest))!;
        json["hashes"] = new JsonObject();
        File.WriteAllText(manifest, json.ToJsonString());
        var run = CliRun.Of("train", "--config", manifest, "--output-dir", _folder["again"]).Ok();
        Assert.Contains("has no hashes", run.Error, StringComparison.Ordinal);
    }

    /// <summary>The whole tree, as a container that mounts it elsewhere.</summary>
    [Fact]
    public void ATreeThatWasMoved_StillWorks()
    {
        Train("run");
        Directory.Move(_folder["job"], _folder["moved"]);
        string run = Path.Combine(_folder["moved"], "run"), again = _folder["again"];
        CliRun.Of("train", "--config", Path.Combine(run, "run.yaml"), "--output-dir", again).Ok();
        Assert.Equal(Adapter(run), Adapter(again));
    }

    /// <summary>The folder alone, without the data beside it.</summary>
    [Fact]
    public void AFolderThatWasMovedAlone_FindsWhatItLeftBehind()
    {
        string run = Train("run"), moved = Path.Combine(Directory.CreateDirectory(_folder["far"]).FullName, "run");
        Directory.Move(run, moved);
        CliRun.Of("train", "--config", Path.Combine(moved, "run.yaml"), "--resume", "--max-steps", "3").Ok();
        Assert.False(Directory.Exists(run));
        string[] lines = File.ReadAllLines(Path.Combine(moved, "run.yaml"));
        Assert.Contains("output_dir: .", lines);
        Assert.Contains(lines, line => line.StartsWith("dataset: \"../../job/rows", StringComparison.Ordinal));
    }

    /// <summary>It must not make the folder that it lies in a run's.</summary>
    [Fact]
    public void ACopyUnderAnotherName_MeansTheRunsFolder()
    {
        string run = Train("run"), copy = _folder["mine.yaml"];
        File.Copy(Path.Combine(run, "run.yaml"), copy);
        CliRun.Of("train", "--config", copy).AssertError(1, run, "holds a run already");
        CliRun.Of("train", "--config", copy, "--output-dir", _folder["again"]).Ok();
    }

    [Theory]
    [InlineData("{\n  \"manifest_version\": 2,\n  \"settings\": {}\n}", "manifest_version: expected 1")]
    [InlineData(
        "{\n  \"manifest_version\": 1,\n  \"x\": {\"a\": [1]},\n  \"settings\": {\"learning_rat\": 1}\n}", "line 4", "learning_rate?")]
    public void AMistake_NamesFileAndLine(string text, params string[] words)
    {
        string path = _folder["manifest.json"];
        File.WriteAllText(path, text);
        CliRun.Of("train", "--config", path).AssertError(1, words);
    }

    /// <summary>Those that the files of a run name from their folder on; another one needs its place in RunPaths.</summary>
    [Fact]
    public void SettingsThatArePaths_AreTheseAlone()
    {
        string[] paths = [.. TrainCommand.AllSettings.Where(setting => setting.IsPath).Select(setting => setting.Key)];
        Assert.Equal(
            ["adapter", "dataset", "dataset_cache", "eval_dataset", "model", "output_dir", "template", "tokenizer"],
            paths.Order(StringComparer.Ordinal));
    }
}
