using System.Diagnostics;

namespace Lapidary.Cli.Tests;

/// <summary>A disk of two pages of 4 KiB, mounted on a folder. A test that needs one is skipped where none can be mounted.</summary>
internal sealed class SmallDisk : IDisposable
{
    /// <summary>Bytes of a page; a file takes whole ones.</summary>
    public const int PageBytes = 4096;

    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    /// <summary>Mounts one.</summary>
    /// <param name="folder">The folder, which is made.</param>
    public static SmallDisk Mount(string folder)
    {
        Directory.CreateDirectory(folder);
        bool isMounted = OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={2 * PageBytes}", "none", folder);
        Assert.SkipUnless(isMounted, "No small disk can be mounted here.");
        return new SmallDisk(folder);
    }

    public void Dispose() => Run("umount", _folder);

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
