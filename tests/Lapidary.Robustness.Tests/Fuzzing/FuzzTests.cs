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

    /// <summary>So many faults of a kind of their own are told before a target is given up.</summary>
    private const int MaxFaults = 12;

    public static TheoryData<string> Names =>
        [.. FuzzTargets.All.Keys.Where(name => Numbers.FuzzTarget is not { Length: > 0 } only || only.Split(',').Contains(name))];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_broken_file_ends_in_one_line(string name)
    {
        var target = FuzzTargets.All[name];
        int cases = Numbers.FuzzCases, seed = Numbers.Seed;
        string folder = target.CreateFolder(), file = Path.Combine(folder, target.FileName);
        var progress = new Progress(name);
        try
        {
            var work = Task.Factory.StartNew(
                () => Run(target, new Mutator(seed, target.Sources), cases, file, progress),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            while (await Task.WhenAny(work, Task.Delay(MaxTime, TestContext.Current.CancellationToken)) != work)
            {
                if (progress.Elapsed > MaxTime)
                    Assert.Fail($"{progress.Summary}: more than {MaxTime.TotalSeconds} s for {progress.Keep(file)}");
            }

            await work;
            TestContext.Current.TestOutputHelper?.WriteLine(progress.Summary);
            Assert.True(progress.Faults.Count == 0, $"{progress.Summary}, seed {seed}: {string.Join('\n', progress.Faults.Values)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Run(FuzzTarget target, Mutator mutator, int cases, string file, Progress progress)
    {
        for (int i = 0; i < cases && progress.Faults.Count < MaxFaults; i++)
        {
            File.WriteAllBytes(file, mutator.Next());
            progress.Start(i);
            string? fault = null;
            void Read() => fault = Fault(() => target.Read(Path.GetDirectoryName(file)!));

            // Readers may have threads of their own, so the count is of the process. Where other tests add to it, a second look shows.
            long allocated = Allocated(Read);
            if (allocated > MaxAllocatedBytes)
            {
                progress.Start(i);
                allocated = Math.Min(allocated, Allocated(Read));
            }

            progress.End(fault ?? (allocated > MaxAllocatedBytes ? $"{allocated} bytes were allocated" : null), allocated, file);
        }
    }

    private static long Allocated(Action read)
    {
        long before = GC.GetTotalAllocatedBytes();
        read();
        return GC.GetTotalAllocatedBytes() - before;
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

    /// <summary>Where a target stands, and what it found.</summary>
    private sealed class Progress(string name)
    {
        private long _started = Stopwatch.GetTimestamp();
        private TimeSpan _longest;
        private long _largest;

        public int Case { get; private set; }

        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(Interlocked.Read(ref _started));

        /// <summary>One of each kind: the first line and where it was thrown.</summary>
        public Dictionary<string, string> Faults { get; } = [];

        public string Summary => string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {Case + 1} cases, longest {_longest.TotalSeconds:0.00} s, largest {_largest >> 20} MiB, {Faults.Count} faults");

        public void Start(int index)
        {
            Case = index;
            Interlocked.Exchange(ref _started, Stopwatch.GetTimestamp());
        }

        public void End(string? fault, long allocated, string file)
        {
            if (Elapsed is var elapsed && elapsed > _longest) _longest = elapsed;
            _largest = Math.Max(_largest, allocated);
            if (fault is null) return;
            string[] lines = fault.Split('\n');
            string kind = lines[0].Split(':')[0] + lines.FirstOrDefault(line => line.Contains("Lapidary", StringComparison.Ordinal));
            if (!Faults.ContainsKey(kind)) Faults[kind] = $"case {Case}: {fault}\n{Keep(file)}";
        }

        /// <summary>A copy of the file that stays.</summary>
        public string Keep(string file)
        {
            string folder = Directory.CreateDirectory(Path.Combine(Fixtures.Repository, "artifacts", "fuzz")).FullName;
            string kept = Path.Combine(folder, $"{name}-{Numbers.Seed}-{Case}");
            File.Copy(file, kept, overwrite: true);
            return kept;
        }
    }
}
