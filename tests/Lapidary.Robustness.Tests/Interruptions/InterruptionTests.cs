using System.Diagnostics;
using Lapidary.Cli.Tests;

namespace Lapidary.Robustness.Tests.Interruptions;

/// <summary>Whatever stops a run, at whatever moment, nothing is lost, and it goes on to the same bits.</summary>
public sealed class InterruptionTests
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void A_run_stopped_at_any_moment_goes_on_to_the_same_bits(string signal)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent with kill.");
        Assert.SkipWhen(signal == "INT" && Tool.InheritsIgnoredInterrupts, "This process ignores SIGINT, and so does what it starts.");
        using var work = new TemporaryFolder();
        string rows = TinyModel.WriteRows(work.Path, TinyModel.Runs(40));
        var (expected, elapsed) = Uninterrupted(work["whole"], rows);
        var random = new Random(Numbers.Seed);
        for (int i = 0; i < Numbers.Interruptions; i++)
        {
            string folder = work[$"run-{i}"];
            var run = new TrainingRun(folder, rows);
            do
            {
                using var tool = run.Start();
                Thread.Sleep(elapsed * random.NextDouble());
                tool.Send(signal);
                var end = tool.End();
                Assert.True(
                    end.ExitCode is 0 or 130 or 137 or 143 or 128 + 9,
                    $"Stopped by {signal}, number {i}: exit code {end.ExitCode}: {end.Error}");
                run.AssertWhole();
            }
            while (random.Next(3) == 0);
            run.Finish();
            run.AssertClean();
            Assert.Equal(expected, run.Adapter);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_run_on_a_full_disk_goes_on_to_the_same_bits_once_there_is_space()
    {
        using var work = new TemporaryFolder();
        string disk = Directory.CreateDirectory(work["disk"]).FullName;
        Assert.SkipUnless(Mount("-t", "tmpfs", "-o", "size=64k", "none", disk), "No small disk can be mounted here.");
        try
        {
            string rows = TinyModel.WriteRows(work.Path, TinyModel.Runs(40));
            var (expected, _) = Uninterrupted(work["whole"], rows);
            long needed = Directory.EnumerateFiles(work["whole"], "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
            var random = new Random(Numbers.Seed);
            for (int i = 0; i < Numbers.Interruptions; i++)
            {
                string folder = Path.Combine(disk, $"run-{i}");
                var run = new TrainingRun(folder, rows);
                Assert.True(Mount("-o", $"remount,size={64 + random.NextInt64(needed / 1024)}k", disk));
                var end = run.End();
                if (end.ExitCode != 0) end.AssertError(1);
                run.AssertWhole();
                Assert.True(Mount("-o", $"remount,size={needed * 4}", disk));
                run.Finish();
                run.AssertClean();
                Assert.Equal(expected, run.Adapter);
                Directory.Delete(folder, recursive: true);
            }
        }
        finally
        {
            Run("umount", disk);
        }
    }

    private static (byte[] Adapter, TimeSpan Elapsed) Uninterrupted(string folder, string rows)
    {
        var watch = Stopwatch.StartNew();
        var run = new TrainingRun(folder, rows);
        run.Finish();
        return (run.Adapter, watch.Elapsed);
    }

    private static bool Mount(params string[] args) => OperatingSystem.IsLinux() && Run("mount", args);

    private static bool Run(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
