using System.Diagnostics;
using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class OutputFolderTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a\0b")]
    [InlineData("file")]
    [InlineData("file/under")]
    [InlineData("/proc/lapidary")]
    [InlineData("/dev/null")]
    [InlineData("LONG")]
    public void Open_SaysInOneLineWhyAPlaceIsNone(string name)
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        if (name == "LONG") name = new string('x', 300);
        string path = name.Trim().Length == 0 ? name : Path.Combine(_folder, name);
        string message = Assert.Throws<LapidaryException>(() => OutputFolder.Open(path)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.Single(Directory.GetFileSystemEntries(_folder));
        if (name == "file") Assert.Equal($"{path}: expected a folder, found a file; choose another folder.", message);
    }

    [Theory]
    [InlineData("m/")]
    [InlineData("other/../m")]
    [InlineData("link")]
    public void Open_RefusesAFolderThatIsRead(string output)
    {
        string input = Path.Combine(_folder, "m");
        Directory.CreateDirectory(input);
        Directory.CreateDirectory(Path.Combine(_folder, "other"));
        File.WriteAllText(Path.Combine(input, "config.json"), "");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "link"), input);
        Refuses("is read and would be overwritten", Path.Combine(_folder, output), input);
        Assert.Single(Directory.GetFileSystemEntries(input));
        OutputFolder.Open(_folder, input).Dispose();
        OutputFolder.Open(Path.Combine(input, "merged"), input).Dispose();
        OutputFolder.Open(Path.Combine(_folder, "other"), input).Dispose();
    }

    [Fact]
    public void Open_RefusesAFolderThatAnInputsFilesAreIn()
    {
        string input = Path.Combine(_folder, "m"), output = Path.Combine(_folder, "out");
        Directory.CreateDirectory(input);
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, "weights"), "");
        File.CreateSymbolicLink(Path.Combine(input, "model.safetensors"), "../out/weights");
        Refuses("is a link to", output, input);
    }

    /// <summary>Two mounts of one folder have different paths and no links. Here one file of theirs is the same.</summary>
    [Fact]
    public void Open_RefusesAFolderThatIsRead_UnderAnotherMount()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no ln.");
        string input = Path.Combine(_folder, "m"), output = Path.Combine(_folder, "out");
        Directory.CreateDirectory(input);
        Directory.CreateDirectory(output);
        string owner = Path.Combine(output, ".lapidary.owner");
        File.WriteAllText(owner, "");
        using (var link = Process.Start("ln", [owner, Path.Combine(input, ".lapidary.owner")])) link.WaitForExit();
        Refuses("is read and would be overwritten", output, input);
        OutputFolder.Open(output).Dispose();
    }

    [Fact]
    public void Open_HoldsTheFolder()
    {
        using (OutputFolder.Open(_folder)) Refuses("in use by", _folder);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private static void Refuses(string words, string path, params string[] inputs) => Assert.Contains(
        words, Assert.Throws<LapidaryException>(() => OutputFolder.Open(path, inputs)).Message, StringComparison.Ordinal);
}
