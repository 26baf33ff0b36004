using Lapidary.Cli.Tests.Evaluation;
using Lapidary.Tests;

namespace Lapidary.Cli.Tests;

/// <summary>Commands write to no device, pipe, socket or folder in place of a file: one line says so before any work, nothing waits, and
/// what has the name stays, also where files may be replaced.</summary>
public sealed class SpecialTargetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pipe", false)]
    [InlineData("device", false)]
    [InlineData("socket", false)]
    [InlineData("pipe", true)]
    [InlineData("device", true)]
    public void Files_AreRefused(string kind, bool isLink)
    {
        using var special = SpecialFiles.Create(_folder.Path, kind);
        string rows = SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows), gold = _folder["gold.txt"];
        File.WriteAllLines(gold, SqlModel.Rows.Select(row => row.Sql));
        string[] ask = ["--model", SqlModel.Folder, "--dataset", rows, "--max-new-tokens", "2", "--device", "cpu"];
        string[] export = ["export", "gguf", "--model", TinyModel.WithTokenizer, "--overwrite"];
        string[][] commands =
        [
            ["eval", "--predictions", gold, "--dataset", rows, "--failures"],
            ["eval", .. ask, "--output"],
            ["eval", .. ask, "--resume", "--output"],
            ["generate", .. ask, "--output"],
            ["generate", .. ask, "--resume", "--output"],
            [.. export, "--output"],
            [.. export, "--output", _folder["model.gguf"], "--modelfile"],
        ];
        foreach (string[] command in commands) AssertRefused(special.Path, isLink ? "link" : "name", command);

        // Of these the name says the format.
        string[] synth = ["data", "synth", "--rows", "3", "--overwrite", "--output"];
        AssertRefused(special.Path, isLink ? "link.jsonl" : "name.jsonl", synth);
        AssertRefused(special.Path, isLink ? "link.parquet" : "name.parquet", synth);
        string[] prepare = ["data", "prepare", "--dataset", rows, "--overwrite", "--output"];
        AssertRefused(special.Path, isLink ? "link.jsonl" : "name.jsonl", prepare);
        Assert.Equal(
            ["gold.txt", kind, "rows.jsonl"],
            Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).OrderBy(name => name == kind ? "h" : name));

        void AssertRefused(string target, string name, string[] command)
        {
            string path = _folder[name];
            if (isLink) File.CreateSymbolicLink(path, target);
            else File.Move(target, path);
            CliRun.Of([.. command, path]).AssertError(1, name, "is not an ordinary file", "name a file, or - for standard output");
            Assert.True(isLink ? File.ResolveLinkTarget(path, false)?.FullName == target : File.Exists(path));
            if (isLink) File.Delete(path);
            else File.Move(path, target);
        }
    }

    [Fact]
    public void FilesOfAFolder_AreRefusedBeforeTheFirstIsWritten()
    {
        using var pipe = SpecialFiles.Create(_folder.Path, "pipe");
        string rows = SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows);
        string output = Directory.CreateDirectory(_folder["out"]).FullName;
        foreach (string name in (string[])["test.jsonl", "README.md"])
        {
            string path = Path.Combine(output, name);
            File.Move(pipe.Path, path);
            CliRun.Of("data", "prepare", "--dataset", rows, "--test-size", "2", "--overwrite", "--output", output)
                .AssertError(1, name, "but a pipe");
            Assert.Equal([path], Directory.GetFileSystemEntries(output));
            File.Move(path, pipe.Path);
        }

        File.Move(pipe.Path, Path.Combine(output, "test.jsonl"));
        CliRun.Of("data", "synth", "--rows", "3", "--eval-rows", "2", "--overwrite", "--output", output).AssertError(1, "but a pipe");
        Assert.Single(Directory.GetFileSystemEntries(output));
    }

    [Fact]
    public void UnfinishedAnswers_AreAnOrdinaryFile()
    {
        using var pipe = SpecialFiles.Create(_folder.Path, "pipe");
        File.Move(pipe.Path, _folder["o.jsonl.partial"]);
        string rows = SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows);
        foreach (string command in (string[])["eval", "generate"])
        {
            CliRun.Of(command, "--model", SqlModel.Folder, "--dataset", rows, "--device", "cpu", "--resume", "--output", _folder["o.jsonl"])
                .AssertError(1, "o.jsonl.partial: is not an ordinary file, but a pipe");
        }
    }

    [Fact]
    public void StandardOutput_IsRefusedWhereItCannotBeMeant()
    {
        string rows = SqlModel.Write(_folder.Path, "rows.jsonl", SqlModel.Rows);
        CliRun.Of("eval", "--model", SqlModel.Folder, "--dataset", rows, "--output", "-").AssertError(2, "--output", "found -");
        CliRun.Of("export", "gguf", "--model", TinyModel.WithTokenizer, "--output", "-").AssertError(2, "--output", "found -");
        CliRun.Of("export", "gguf", "--model", TinyModel.WithTokenizer, "--output", _folder["m.gguf"], "--modelfile", "-")
            .AssertError(2, "--modelfile", "found -");
        CliRun.Of("data", "prepare", "--dataset", rows, "--output", "-").AssertError(2, "not standard output");
        CliRun.Of("quantize", "--model", TinyModel.Folder, "--output", "-").AssertError(1, "-: stands for standard output");
        Assert.False(Path.Exists("-"));
    }

    /// <summary>The answers so far stay, and the line says what to do.</summary>
    [Fact]
    public void AFullDisk_IsOneLine()
    {
        using var disk = SmallDisk.Mount(_folder["disk"]);
        string rows = SqlModel.Write(_folder.Path, "rows.jsonl", Enumerable.Repeat(SqlModel.Rows, 20).SelectMany(rows => rows));
        string output = _folder["disk/o.jsonl"];
        foreach (string command in (string[])["eval", "generate"])
        {
            CliRun.Of(
                command, "--model", SqlModel.Folder, "--dataset", rows, "--template", "text-to-sql", "--device", "cpu",
                "--max-new-tokens", "2", "--output", output)
                .AssertError(1, output, "the disk is full; free some space", "answers are kept: use --resume to go on with them.\n");
            File.Delete(output + ".partial");
            File.Delete(output + ".partial.json");
        }
    }
}
