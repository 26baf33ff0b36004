using System.Diagnostics;
using Lapidary.Cli.Tests;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Interruptions;

/// <summary>A merge that is killed leaves nothing that looks like a model, and the next one makes the same bytes.</summary>
public sealed class MergeTests
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("TERM")]
    public void A_merge_stopped_at_any_moment_leaves_no_half_model(string signal)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent with kill.");
        using var work = new TemporaryFolder();
        var watch = Stopwatch.StartNew();
        End(work["whole"]).Ok();
        var elapsed = watch.Elapsed;
        byte[] expected = Weights(work["whole"]);
        var random = new Random(Numbers.Seed);
        for (int i = 0; i < Numbers.Interruptions; i++)
        {
            string output = work[$"merged-{i}"];
            using (var tool = Start(output))
            {
                Thread.Sleep(elapsed * random.NextDouble());
                tool.Send(signal);
                tool.End();
            }

            if (signal == "TERM") Assert.False(Directory.Exists(Path.Combine(output, ".lapidary.new")));

            if (File.Exists(Path.Combine(output, "config.json"))) Assert.Equal(expected, Weights(output));
            else End(output).Ok();
            Assert.Equal(expected, Weights(output));
            Assert.Equal(Names(work["whole"]), Names(output));
            Directory.Delete(output, recursive: true);
            Assert.DoesNotContain(
                Directory.EnumerateFileSystemEntries(work.Path), name => name.Contains(".tmp-", StringComparison.Ordinal));
        }
    }

    private static Tool Start(string output) =>
        Tool.Start("merge", "--model", Fixtures.Path("tiny/model"), "--adapter", Fixtures.Path("tiny/adapter"), "--output", output);

    private static CliRun End(string output)
    {
        using var tool = Start(output);
        return tool.End();
    }

    private static byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));

    private static string[] Names(string folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder).Select(name => Path.GetFileName(name)).Order(StringComparer.Ordinal)];
}
