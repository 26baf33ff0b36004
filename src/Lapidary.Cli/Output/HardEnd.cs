using System.Runtime.InteropServices;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Output;

/// <summary>Ends a process whose threads may wait for ever for a rank that is gone: nothing of them is waited for, and temporary files are
/// deleted.</summary>
internal static partial class HardEnd
{
    public static void Now(int exitCode)
    {
        TemporaryPaths.DeleteAll();

        // Environment.Exit waits for handlers that libraries have installed, and some of those wait for the other ranks.
        if (OperatingSystem.IsWindows()) Environment.Exit(exitCode);
        else ExitNow(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int exitCode);
}
