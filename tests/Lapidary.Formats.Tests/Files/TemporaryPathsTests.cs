using System.Diagnostics;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

/// <summary>What is deleted before a process ends stays deleted, whatever its other threads do meanwhile.</summary>
public class TemporaryPathsTests
{
    private const string Variable = "LAPIDARY_TEST_FOLDER";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task DeleteAll_NoWriterBringsAFolderBack()
    {
        string folder = Path.Combine(Fixtures.TemporaryFolder(), "new");
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "--filter-method", $"*{nameof(TemporaryPathsTests)}.{nameof(Child)}", "--explicit", "only", "--no-ansi" },
            RedirectStandardOutput = true,
        };
        start.Environment[Variable] = folder;
        using var child = Process.Start(start)!;
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(child.ExitCode == 0, output);
        Assert.False(Directory.Exists(folder));
    }

    /// <summary>Not a test of its own: from its <see cref="TemporaryPaths.DeleteAll"/> on, a process can only end.</summary>
    [Fact(Explicit = true)]
    public void Child()
    {
        string folder = Environment.GetEnvironmentVariable(Variable)!;
        TemporaryPaths.Add(folder, () => Directory.CreateDirectory(folder));
        TemporaryPaths.DeleteAll();
        Action[] writers =
        [
            () => AtomicFile.WriteAllText(Path.Combine(folder, "config.json"), "{}"),
            () => ShardedWriter.Create(folder, [], 1 << 20).Dispose(),
        ];
        Thread[] threads = [.. writers.Select(writer => new Thread(() => writer()) { IsBackground = true })];
        foreach (var thread in threads) thread.Start();
        Assert.True(SpinWait.SpinUntil(() => threads.All(Waits), Limit));
        Assert.False(Directory.Exists(folder));
    }

    private static bool Waits(Thread thread) => thread.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin);
}
