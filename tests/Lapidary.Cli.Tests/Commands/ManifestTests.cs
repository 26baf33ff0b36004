using Lapidary.Cli.Commands;

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
