using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class AtomicFileTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Fact]
    public void WriteAllText_ReplacesTheFileAndMakesTheFolder()
    {
        string path = Path.Combine(_folder, "new", "a.txt");
        AtomicFile.WriteAllText(path, "eins");
        AtomicFile.WriteAllText(path, "zwei ä");
        Assert.Equal("zwei ä"u8.ToArray(), File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "new")));
    }

    [Fact]
    public void WriteStream_KeepsTheOldFileWhenTheContentFails()
    {
        string path = Path.Combine(_folder, "a.txt");
        File.WriteAllText(path, "old");
        Assert.Throws<FormatException>(() => AtomicFile.WriteStream(path, stream =>
        {
            stream.Write("half"u8);
            throw new FormatException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void WriteStream_SaysThatTheDiskIsFull()
    {
        string path = Path.Combine(_folder, "a.txt");
        var error = Assert.Throws<LapidaryException>(
            () => AtomicFile.WriteStream(path, _ => throw new IOException("No space left on device", 28)));
        Assert.Equal($"{path}: the disk is full; free some space or choose a folder on another disk.", error.Message);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Write_SaysThatTheDiskIsFullOnARealFullDevice()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("There is no /dev/full on this system.");
        string path = Path.Combine(_folder, "a.txt");
        var error = Assert.Throws<LapidaryException>(() => AtomicFile.WriteStream(path, _ =>
        {
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            full.WriteByte(1);
        }));
        Assert.Contains("the disk is full", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_AsksForTheSpaceBeforeTheWork()
    {
        var file = Assert.Throws<LapidaryException>(() => AtomicFile.Create(Path.Combine(_folder, "a.bin"), 1L << 52));
        Assert.Contains("expected 4096.0 TiB of free disk space, found", file.Message, StringComparison.Ordinal);
        TensorDeclaration[] tensors = [new("a", "U8", 1L << 52), new("b", "U8", 1L << 52)];
        var shards = Assert.Throws<LapidaryException>(() => ShardedWriter.Create(_folder, tensors, 1L << 52));
        Assert.Contains("of free disk space", shards.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Create_NamesAFolderThatCannotBeMade()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Contains(
            "could not be written", Assert.Throws<LapidaryException>(() => AtomicFile.WriteAllText(Path.Combine(file, "a"), "")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("folder", "a folder")]
    [InlineData("pipe", "a pipe")]
    [InlineData("socket", "a socket")]
    [InlineData("device", "a device")]
    public void WhatIsNoOrdinaryFile_IsNeverReplaced(string kind, string words)
    {
        using var special = SpecialFiles.Create(_folder, kind);
        string path = special.Path, link = Path.Combine(_folder, "link");
        File.CreateSymbolicLink(link, path);
        foreach (string name in (string[])[path, link])
        {
            var error = Assert.Throws<LapidaryException>(() => AtomicFile.WriteAllText(name, "text"));
            Assert.StartsWith(
                $"{name}: is not an ordinary file, but {words}; name a file, or - for ", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(path, File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName);
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
        Assert.True(Path.Exists(path));
    }

    /// <summary>Also what has come under the name while the file was written.</summary>
    [Fact]
    public void APipeThatCameLater_IsNotReplaced()
    {
        string late = Path.Combine(_folder, "late");
        using var pipe = SpecialFiles.Create(_folder, "pipe");
        var error = Assert.Throws<LapidaryException>(() => AtomicFile.WriteStream(late, _ => File.Move(pipe.Path, late)));
        Assert.Contains("but a pipe", error.Message, StringComparison.Ordinal);
        Assert.Equal([late], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void StreamsOfAProcess_AreNeverReplaced()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no links to streams.");
        string link = Path.Combine(_folder, "stdout");
        File.CreateSymbolicLink(link, "/dev/fd/1");
        foreach (string name in (string[])[link, "/dev/fd/1", .. OperatingSystem.IsLinux() ? ["/proc/self/fd/1"] : Array.Empty<string>()])
        {
            var error = Assert.Throws<LapidaryException>(() => AtomicFile.RequireOrdinary(name));
            Assert.Contains("is not an ordinary file, but a stream of a process;", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void StandardOutput_IsNoFile() => Assert.Equal(
        "-: stands for standard output, which this is not written to; name a file.",
        Assert.Throws<LapidaryException>(() => AtomicFile.WriteAllText("-", "")).Message);

    /// <summary>A link is replaced by the file; what it leads to stays.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LinksToFiles_AreReplaced(bool isThere)
    {
        string target = Path.Combine(_folder, "target"), link = Path.Combine(_folder, "link");
        if (isThere) File.WriteAllText(target, "old");
        File.CreateSymbolicLink(link, target);
        AtomicFile.WriteAllText(link, "new");
        Assert.Equal("new", File.ReadAllText(link));
        Assert.Null(new FileInfo(link).LinkTarget);
        Assert.Equal(isThere ? "old" : null, File.Exists(target) ? File.ReadAllText(target) : null);
    }
}
