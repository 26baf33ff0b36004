using System.Diagnostics;
using System.Net.Sockets;
using Lapidary.Formats.Files;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests.Files;

/// <summary>What is no ordinary file is refused at once, and lengths are counted.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Bytes_AreRead_UpToTheLimit()
    {
        string path = Path.Combine(_folder, "file");
        foreach (int length in (int[])[0, 1, 4095, 4096, 4097, 100_000])
        {
            byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            File.WriteAllBytes(path, bytes);
            Assert.Equal(bytes, InputFile.ReadAllBytes(path, length));
            Assert.Equal(bytes, InputFile.ReadAllBytes(path, length + 1));
            if (length > 0) AssertRefused(() => InputFile.ReadAllBytes(path, length - 1, "a note"), "file", "a note of at most", "more");
        }
    }

    [Theory]
    [InlineData("none", "not found")]
    [InlineData("none/none", "not found")]
    [InlineData("folder", "expected a note, found a folder")]
    [InlineData("file/below", "not found")]
    public void WhatIsNoFile_IsNamed(string name, string words)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "folder"));
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        AssertRefused(() => InputFile.ReadAllBytes(Path.Combine(_folder, name), 10, "a note"), name, words);
    }

    [Fact]
    public void LongAndLoopingAndEmptyNames_AreRefused()
    {
        AssertRefused(() => InputFile.OpenRead("", "a note"), "expected the path of a note");
        AssertRefused(() => InputFile.OpenRead("a\0b", "a note"), "expected the path of a note");
        AssertRefused(() => InputFile.OpenRead(Path.Combine(_folder, new string('x', 5000))), "could not be read");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        File.CreateSymbolicLink(Path.Combine(_folder, "loop"), Path.Combine(_folder, "loop"));
        AssertRefused(() => InputFile.OpenRead(Path.Combine(_folder, "loop")), "loop", "could not be read");
    }

    [Fact]
    public void PipesDevicesAndSockets_AreRefusedAtOnce()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix has such files");
        string pipe = Path.Combine(_folder, "pipe"), link = Path.Combine(_folder, "zeros"), socket = Path.Combine(_folder, "socket");
        using (var make = Process.Start("mkfifo", [pipe])) make.WaitForExit();
        File.CreateSymbolicLink(link, "/dev/zero");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        var watch = Stopwatch.StartNew();
        AssertRefused(() => InputFile.ReadAllBytes(pipe, 10, "a note"), "expected a note, found a pipe");
        AssertRefused(() => InputFile.ReadAllBytes(link, 10, "a note"), "expected a note, found a device");
        AssertRefused(() => InputFile.ReadAllBytes(socket, 10, "a note"), "expected a note, found a socket or a device");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{watch.Elapsed}");
    }

    [Fact]
    public void AFileThatSaysNoLength_IsRead()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux's");
        Assert.NotEmpty(InputFile.ReadAllBytes("/proc/self/status", 1 << 20));
        AssertRefused(() => InputFile.ReadAllBytes("/proc/self/status", 16), "at most 16 B");

        // Longer than what is read at once, and no multiple of it.
        string maps = InputFile.ReadAllText("/proc/self/maps", 1 << 24);
        Assert.True(maps.Length > 4096, $"{maps.Length}");
        Assert.EndsWith("\n", maps, StringComparison.Ordinal);
        Assert.DoesNotContain('\0', maps);
    }

    [Fact]
    public void AFileThatSaysAHugeLength_IsRefusedWithoutMemoryForIt()
    {
        string path = Path.Combine(_folder, "huge");
        using (var file = File.Create(path)) file.SetLength(1L << 40); // takes no space
        AssertRefused(() => InputFile.ReadAllBytes(path, 16, "a note"), "a note of at most 16 B");
    }

    [Fact]
    public void Text_IsStrictUtf8_WithoutItsMark()
    {
        string path = Path.Combine(_folder, "text");
        File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. "a\r\nb\u0085\u2028"u8]);
        Assert.Equal("a\r\nb\u0085\u2028", InputFile.ReadAllText(path, 100));
        File.WriteAllBytes(path, [.. "a\nb\n"u8, 0xC3, 0x28, 0x0A]);
        AssertRefused(() => InputFile.ReadAllText(path, 100, "a template"), "text, line 3", "a template in UTF-8", "C3");
    }

    private static void AssertRefused(Action action, params string[] words)
    {
        var error = Assert.Throws<LapidaryException>(action);
        Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
    }
}
