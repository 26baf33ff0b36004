using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Lapidary.Cli.Tests;

/// <summary>A pipe, a device or a folder where a file is expected, and a file that is cut while it is in use: one line, soon.</summary>
public sealed class InputFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Files()
    {
        var data = new TheoryData<string, string>();
        string[] kinds = OperatingSystem.IsWindows() ? ["a folder"] : ["a folder", "a pipe", "a device"];
        foreach (string name in (string[])
            ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                "model.safetensors", "messages", "template", "run.yaml", "adapter_config.json", "adapter_model.safetensors"])
            foreach (string kind in kinds) data.Add(name, kind);
        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void WhatIsNoFile_IsNamed(string name, string kind)
    {
        string model = Copy(TinyModel.WithTokenizer, "model"), adapter = Copy(Lapidary.Tests.Fixtures.Path("tiny/adapter"), "adapter");
        string folder = name.StartsWith("adapter", StringComparison.Ordinal) ? adapter : model;
        string path = Path.Combine(folder, name), rows = _folder["rows.jsonl"];
        File.WriteAllText(rows, "{\"text\": \"x\"}");
        File.Delete(path);
        if (kind == "a folder") Directory.CreateDirectory(path);
        else if (kind == "a device") File.CreateSymbolicLink(path, "/dev/zero");
        else using (var make = Process.Start("mkfifo", [path])) make.WaitForExit();

        var watch = Stopwatch.StartNew();
        var run = CliRun.Of(name switch
        {
            "messages" => ["generate", "--model", model, "--messages", path],
            "run.yaml" => ["train", "--config", path],
            "template" => ["train", "--model", model, "--template", path, "--dataset", rows, "--output-dir", _folder["out"]],
            _ => ["generate", "--model", model, "--adapter", adapter, "--prompt", "x", "--max-new-tokens", "1", "--threads", "1"],
        });
        Assert.True(run.ExitCode == 0 ? name == "generation_config.json" && kind == "a folder" : run.ExitCode == 1, run.Error);
        if (run.ExitCode == 1) run.AssertError(1, name);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}");
    }

    [Fact]
    public void AWeightsFile_CutWhileARunUsesIt_IsExplained()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the line is Linux's on x64");
        string model = Copy(TinyModel.Folder, "model");
        string rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(4));
        using var tool = Tool.Start(
            "train", "--model", model, "--dataset", rows, "--output-dir", _folder["out"], "--max-steps", "100000", "--device", "cpu",
            "--modules-to-save", "none", "--quantization", "none", "--save-strategy", "steps", "--save-steps", "1",
            "--save-total-limit", "2", "--threads", "1", "--max-length", "16");
        tool.WaitFor(() => Directory.Exists(Path.Combine(_folder["out"], "checkpoint-2")));
        using (var file = File.OpenWrite(Path.Combine(model, "model.safetensors"))) file.SetLength(4096);
        var run = tool.End();
        run.AssertError(1, "a weights file that is in use was cut short", "--resume");
        Assert.NotEmpty(Directory.GetDirectories(_folder["out"], "checkpoint-*"));
    }

    private string Copy(string source, string name)
    {
        string folder = Directory.CreateDirectory(_folder[name]).FullName;
        foreach (string file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }
}
