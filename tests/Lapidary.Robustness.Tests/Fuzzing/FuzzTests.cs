using System.Diagnostics;
using System.Globalization;
using Lapidary.Formats;
using Lapidary.Jinja;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Fuzzing;

/// <summary>Broken files end in one line, soon and in little memory, whatever is broken.</summary>
public sealed class FuzzTests
{
    private const int MaxMessageLength = 2000;
    private const long MaxAllocatedBytes = 1L << 30;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Names => [.. FuzzTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_broken_file_ends_in_one_line(string name)
    {
        var target = FuzzTargets.All[name];
        int cases = Numbers.FuzzCases, seed = Numbers.Seed;
        string folder = target.CreateFolder(), file = Path.Combine(folder, target.FileName);
        var progress = new Progress();
        try
        {
            var work = Task.Factory.StartNew(
                () => Run(target, new Mutator(seed, target.Sources), cases, file, progress),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            while (await Task.WhenAny(work, Task.Delay(MaxTime, TestContext.Current.CancellationToken)) != work)
            {
                if (progress.Elapsed > MaxTime)
                    Assert.Fail($"{name}: case {progress.Case} of seed {seed} took more than {MaxTime.TotalSeconds} s: {Keep(name, file)}");
            }

            string? failure = await work;
            if (failure is not null) Assert.Fail($"{name}: case {progress.Case} of seed {seed}: {failure}\n{Keep(name, file)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string? Run(FuzzTarget target, Mutator mutator, int cases, string file, Progress progress)
    {
        for (int i = 0; i < cases; i++)
        {
            File.WriteAllBytes(file, mutator.Next());
            progress.Start(i);
            long before = GC.GetAllocatedBytesForCurrentThread();
            if (Fault(() => target.Read(Path.GetDirectoryName(file)!)) is { } fault) return fault;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > MaxAllocatedBytes) return $"{allocated} bytes were allocated";
        }

        return null;
    }

    /// <summary>What is wrong with how a reader ends, or null: it may end well, or with an error that is one printable line.</summary>
    private static string? Fault(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (Exception e) when (e is LapidaryException or JinjaException)
        {
            if (e.Message.Length > MaxMessageLength) return $"the message has {e.Message.Length} characters: {e.Message[..200]}";
            return e.Message.FirstOrDefault(IsUnprintable) is var c && c != 0 || e.Message.Length == 0
                ? $"the message is no printable line (U+{(int)c:X4}): {e.Message}"
                : null;
        }
        catch (Exception e)
        {
            return e.ToString();
        }
    }

    private static bool IsUnprintable(char c) =>
        char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator;

    private static string Keep(string name, string file)
    {
        string kept = Path.Combine(Directory.CreateDirectory(Path.Combine(Fixtures.Repository, "artifacts", "fuzz")).FullName, name);
        File.Copy(file, kept, overwrite: true);
        return kept;
    }

    private sealed class Progress
    {
        private long _started = Stopwatch.GetTimestamp();

        public int Case { get; private set; }

        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(Interlocked.Read(ref _started));

        public void Start(int index)
        {
            Case = index;
            Interlocked.Exchange(ref _started, Stopwatch.GetTimestamp());
        }
    }
}
