using System.Diagnostics;

namespace Lapidary.Cli.Tests;

/// <summary>The tool as a process of its own.</summary>
internal static class Tool
{
    public static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(LapidaryTool).Assembly.Location, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Process.Start(start)!;
    }

    /// <summary>Waits until something has happened; fails where the process ends before, or after a minute.</summary>
    public static void WaitFor(Process process, Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.False(process.HasExited, "The process has ended.");
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), "Nothing happened.");
            Thread.Sleep(2);
        }
    }
}
