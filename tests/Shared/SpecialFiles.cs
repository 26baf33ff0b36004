using System.Diagnostics;
using System.Net.Sockets;

namespace Lapidary.Tests;

/// <summary>Makes what has a file's name and is no ordinary file, in a folder of the test: never in /dev.</summary>
internal sealed class SpecialFiles : IDisposable
{
    private readonly Socket? _socket;

    private SpecialFiles(string path, Socket? socket = null) => (Path, _socket) = (path, socket);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Makes one; skips the test where the system has none, or lets only root make a device.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="kind">"folder", "pipe", "socket" or "device": one that reads as empty and forgets what is written.</param>
    public static SpecialFiles Create(string folder, string kind)
    {
        string path = System.IO.Path.Combine(folder, kind);
        if (kind == "folder") return new(Directory.CreateDirectory(path).FullName);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files.");
        if (kind == "socket")
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            return new(path, socket);
        }

        bool isMade = kind == "pipe" ? Run("mkfifo", path) : OperatingSystem.IsLinux() && Run("mknod", path, "c", "1", "3");
        Assert.SkipUnless(isMade, $"No {kind} can be made here.");
        return new(path);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
