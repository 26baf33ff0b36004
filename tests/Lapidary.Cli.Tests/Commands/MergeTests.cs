using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests.Commands;

public sealed class MergeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string[] Args =>
    [
        "merge", "--model", TinyModel.Folder, "--adapter", Fixtures.Path("tiny/adapter"), "--output", _folder["merged"], "--threads", "1",
    ];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Merge_InFloat32_IsBasePlusAdapter()
    {
        var json = CliRun.Of([.. Args, "--dtype", "float32", "--max-shard-size", "1MB", "--json"]).Ok().Json;
        Assert.InRange(json.GetProperty("max_logit_distance").GetDouble(), 0, 1e-3);
        Assert.Equal(1, json.GetProperty("equal_argmax_share").GetDouble());
        string[] files = Directory.GetFiles(_folder["merged"], "*.safetensors");
        Assert.True(files.Length > 1);
        var tensors = files.SelectMany(Entries).ToArray();
        Assert.Equal(tensors.Length, json.GetProperty("tensors").GetInt32());
        Assert.Equal(tensors.Sum(tensor => tensor.LengthBytes), json.GetProperty("bytes").GetInt64());

        static IReadOnlyList<SafetensorsEntry> Entries(string path)
        {
            using var file = SafetensorsFile.Open(path);
            return file.Entries;
        }
    }

    [Fact]
    public void Merge_IntoAFolderWithAModel_NeedsOverwrite()
    {
        Assert.Contains("Check: over 32 tokens", CliRun.Of(Args).Ok().Out, StringComparison.Ordinal);
        CliRun.Of(Args).AssertError(1, "already holds a model", "--overwrite");
        CliRun.Of([.. Args, "--overwrite"]).Ok();
    }

    [Fact]
    public void AMergedModel_HasACard_UnlessSomebodyWroteOne()
    {
        CliRun.Of([.. Args, "--base", "nf4"]).Ok();
        string path = Path.Combine(_folder["merged"], "README.md"), card = File.ReadAllText(path);
        Assert.StartsWith("---\nlibrary_name: transformers\npipeline_tag: text-generation\n", card, StringComparison.Ordinal);
        Assert.Contains("The base has none of Gemma's published sizes", card, StringComparison.Ordinal);
        Assert.Contains("| added to | the base's NF4 values (4 bits) |", card, StringComparison.Ordinal);
        Assert.Matches(@"\| stored as \| (bfloat16|float32) \|", card);
        Assert.Contains("over 32 tokens the largest logit distance is", card, StringComparison.Ordinal);
        Assert.All((string[])["lapidary chat", "Backend.Auto()", "AutoModelForCausalLM", "vllm serve"],
            words => Assert.Contains(words, card, StringComparison.Ordinal));
        Assert.DoesNotContain(Fixtures.Repository, card, StringComparison.Ordinal);

        CliRun.Of([.. Args, "--overwrite"]).Ok();
        Assert.Contains("the base's own weights", File.ReadAllText(path), StringComparison.Ordinal);
        File.AppendAllText(path, "mine");
        card = File.ReadAllText(path);
        CliRun.Of([.. Args, "--overwrite", "--base", "nf4"]).Ok();
        Assert.Equal(card, File.ReadAllText(path));
    }

    [Fact]
    public void AnAdapterOfQlora_IsMergedWithANoteOnTheBase()
    {
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4));
        CliRun.Of("train", "--model", TinyModel.Folder, "--dataset", rows, "--max-steps", "1", "--output-dir", _folder["run"],
            "--threads", "1", "--device", "cpu").Ok();
        string[] merge = ["merge", "--model", TinyModel.Folder, "--adapter", _folder["run"], "--threads", "1", "--output"];
        Assert.Contains("--base nf4", CliRun.Of([.. merge, _folder["a"]]).Ok().Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--base", CliRun.Of([.. merge, _folder["b"], "--base", "16bit"]).Ok().Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--tokenizer", "nope")]
    [InlineData("--dtype", "float7")]
    [InlineData("--max-shard-size", "many")]
    [InlineData("--output", "")]
    [InlineData("--output", "FILE")]
    [InlineData("--output", "FILE/under")]
    [InlineData("--output", "/proc/lapidary")]
    [InlineData("--output", "LONG")]
    [InlineData("--output", "MODEL/")]
    public void Merge_OfWhatCannotBe_SaysSoBeforeItWrites(string option, string value)
    {
        string file = _folder["file"];
        File.WriteAllText(file, "mine");
        value = value.Replace("FILE", file, StringComparison.Ordinal).Replace("MODEL", TinyModel.Folder, StringComparison.Ordinal)
            .Replace("LONG", _folder[new string('x', 300)], StringComparison.Ordinal);
        int output = Array.IndexOf(Args, "--output");
        string[] args = option == "--output" ? [.. Args[..output], .. Args[(output + 2)..]] : Args;
        var run = CliRun.Of([.. args, option, value]);
        Assert.InRange(run.ExitCode, 1, 2);
        run.AssertError(run.ExitCode);
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder.Path));
        Assert.DoesNotContain(Directory.GetFiles(TinyModel.Folder), path => Path.GetFileName(path).StartsWith('.'));
    }

    /// <summary>At whatever moment it is killed, the folder holds the old model or none, and the next merge puts that right.</summary>
    [Fact]
    public void Merge_KilledAtAnyMoment_LosesNothing()
    {
        CliRun.Of(Args).Ok();
        byte[] right = Weights();
        int milliseconds = 300;
        for (int turn = 0; turn < 6; turn++, milliseconds += 60)
        {
            using var tool = Tool.Start([.. Args, "--overwrite"]);
            Thread.Sleep(milliseconds);
            tool.Kill();
            if (File.Exists(Path.Combine(_folder["merged"], "config.json"))) Assert.Equal(right, Weights());
        }

        CliRun.Of([.. Args, "--overwrite"]).Ok();
        Assert.Equal(right, Weights());
        Assert.DoesNotContain(
            Directory.GetFileSystemEntries(_folder["merged"]).Select(path => Path.GetFileName(path)),
            name => name.StartsWith('.') || name.Contains(".tmp-", StringComparison.Ordinal));
    }

    [Fact]
    public void Merge_BesideAnother_IsRefused()
    {
        var runs = Enumerable.Range(0, 3).Select(_ => Tool.Start(Args)).ToArray();
        var ended = runs.Select(run => run.End()).ToArray();
        foreach (var run in runs) run.Dispose();
        Assert.Single(ended, run => run.ExitCode == 0);
        Assert.All(ended.Where(run => run.ExitCode != 0), run => Assert.Matches("(in use by|already holds a model)", run.Error));
        CliRun.Of([.. Args, "--overwrite"]).Ok();
    }

    /// <summary>Some network file systems know no locks; .NET can be told to take none.</summary>
    [Fact]
    public void Merge_WhereFilesCannotBeLocked_BelievesTheOwnersDescription()
    {
        const string Since = "(lapidary train, since 2026-01-01 10:02 UTC)";
        Directory.CreateDirectory(_folder["merged"]);
        string owner = Path.Combine(_folder["merged"], ".lapidary.owner");
        Refuses($"process {Environment.ProcessId} on {Environment.MachineName} {Since}");
        Refuses($"process 1 on another-machine {Since}");
        File.WriteAllText(owner, $"process 999999999 on {Environment.MachineName} {Since}");
        using var tool = Tool.StartWith([("DOTNET_SYSTEM_IO_DISABLEFILELOCKING", "1")], Args);
        Assert.Equal(0, tool.End().ExitCode);
        Assert.False(File.Exists(owner));

        void Refuses(string description)
        {
            File.WriteAllText(owner, description);
            using var tool = Tool.StartWith([("DOTNET_SYSTEM_IO_DISABLEFILELOCKING", "1")], Args);
            tool.End().AssertError(1, $"in use by {description}; ", "or delete .lapidary.owner in it");
            Assert.Equal(description, File.ReadAllText(owner));
        }
    }

    private byte[] Weights() => File.ReadAllBytes(Path.Combine(_folder["merged"], "model.safetensors"));
}
