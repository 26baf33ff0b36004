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
}
