using System.Diagnostics;
using Lapidary.Cli.Tests;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Interruptions;

/// <summary>Whatever stops the preparation of rows, what is kept of them is right, and nothing else stays.</summary>
public sealed class PreparationTests
{
    /// <summary>Enough for their tokens to be kept.</summary>
    private const int Rows = 60_000;

    [Fact]
    public void A_preparation_killed_at_any_moment_leaves_nothing_wrong()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent with kill.");
        using var work = new TemporaryFolder();
        string rows = WriteRows(work.Path);
        var watch = Stopwatch.StartNew();
        string expected = Prepare(rows, work["none"]).Ok().Out;
        var elapsed = watch.Elapsed;
        var random = new Random(Numbers.Seed);
        for (int i = 0; i < Numbers.Interruptions; i++)
        {
            string cache = work[$"cache-{i}"];
            using (var tool = Start(rows, cache))
            {
                Thread.Sleep(elapsed * random.NextDouble());
                tool.Send("KILL");
                tool.End();
            }

            Assert.Equal(expected, WithoutCache(Prepare(rows, cache).Ok().Out));
            Assert.Equal(
                [".rows", ".tokens"],
                Directory.GetFiles(cache).Select(Path.GetExtension).Where(extension => extension != ".lock").Order(StringComparer.Ordinal));
            Assert.Contains("an earlier run kept", Prepare(rows, cache).Ok().Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_preparation_on_a_full_disk_works_or_says_so_in_one_line()
    {
        using var work = new TemporaryFolder();
        string disk = Directory.CreateDirectory(work["disk"]).FullName, rows = WriteRows(work.Path);
        bool isMounted = OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", "size=256k", "none", disk);
        Assert.SkipUnless(isMounted, "No small disk can be mounted here.");
        try
        {
            // Rows and tokens fit memory, and are only not kept.
            var end = Prepare(rows, Path.Combine(disk, "cache")).Ok();
            Assert.Contains("are not kept for later runs", end.Error, StringComparison.Ordinal);
            Assert.Equal(Prepare(rows, work["other"]).Ok().Out, end.Out);
            Assert.Empty(Directory.GetFiles(Path.Combine(disk, "cache"), "*.tmp-*"));

            // Those that do not fit need the disk.
            string many = TinyModel.WriteLines(work.Path, "many.jsonl", Enumerable.Range(0, 40_000).Select(i =>
                $$"""{"input_ids":[{{string.Join(',', Enumerable.Range(0, 500).Select(j => 10 + (i + j) % 90))}}]}"""));
            Prepare(many, Path.Combine(disk, "cache")).AssertError(1, "the disk is full");
            Assert.Empty(Directory.GetFiles(Path.Combine(disk, "cache"), "*.tmp-*"));
        }
        finally
        {
            Run("umount", disk);
        }
    }

    private static string WriteRows(string folder) =>
        TinyModel.WriteRows(folder, TinyModel.Runs(Rows).Select(ids => (int[])[.. ids, .. ids, .. ids]));

    private static CliRun Prepare(string rows, string cache)
    {
        using var tool = Start(rows, cache);
        return tool.End();
    }

    private static Tool Start(string rows, string cache) => Tool.Start(
        "train", "--model", Fixtures.Path("tiny/model"), "--dataset", rows, "--output-dir", cache + "-run", "--dataset-cache", cache,
        "--preview");

    private static string WithoutCache(string text) =>
        string.Join('\n', text.Split('\n').Where(line => !line.Contains("an earlier run kept", StringComparison.Ordinal)));

    private static bool Run(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
