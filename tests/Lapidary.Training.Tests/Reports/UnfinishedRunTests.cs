using Lapidary.Formats;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;
using Lapidary.Training.Reports.Pages;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Tests.Reports;

/// <summary>Runs in progress, killed runs, damaged folders.</summary>
public sealed class UnfinishedRunTests : IDisposable
{
    private readonly RunFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    private string Running(string name, int checkpointAt)
    {
        string folder = _folders.Finished(name);
        string manifest = Path.Combine(folder, "manifest.json");
        File.WriteAllText(
            manifest, File.ReadAllText(manifest)
                .Replace("\"state\": \"finished\", \"model\"", "\"state\": \"running\", \"model\"", StringComparison.Ordinal)
                .Replace("\"max_steps\": 30", "\"max_steps\": 50", StringComparison.Ordinal));
        File.Delete(Path.Combine(folder, TrainerState.FileName));
        if (checkpointAt > 0) RunFolders.WriteState(Path.Combine(folder, $"checkpoint-{checkpointAt}"), checkpointAt);
        return folder;
    }

    private static void Log(string folder, DateTimeOffset time, params (int Step, double Loss)[] entries)
    {
        using var events = new TensorBoardObserver(Path.Combine(folder, "runs"), new Clock(time));
        foreach (var (step, loss) in entries) events.OnLog(new LogEntry { Step = step, Loss = loss, LearningRate = 1e-4 });
    }

    /// <summary>What a run has logged since its checkpoint is in its events.</summary>
    [Fact]
    public void ARunInProgress_ShowsItsEventsToo()
    {
        string folder = Running("run", checkpointAt: 10);
        Log(folder, DateTimeOffset.UnixEpoch, [.. Enumerable.Range(1, 13).Select(step => (step, 9.0))]);
        using var held = RunFolder.Open(
            new SftConfig { OutputDir = folder, OverwriteOutputDir = true }, resume: null, TrainingMethod.Lora, _ => { });

        var report = TrainingReport.Read([folder]);

        Assert.Equal(["run: is still running; this is what its folder held after 30 of 50 steps."], report.Notes);
        var loss = Curve.Of([RunFiles.Read(folder, "run")])[0].Lines[0];
        Assert.Equal(Enumerable.Range(1, 13), loss.Steps);
        Assert.Equal([2.5, 9, 9, 9], loss.Values.Skip(9));
    }

    [Fact]
    public void ARunThatWasKilledBeforeItsFirstCheckpoint_ShowsItsEvents()
    {
        string folder = Running("run", checkpointAt: 0);
        Log(folder, DateTimeOffset.UnixEpoch, (1, 3), (2, 2.5), (3, 2));
        string events = Assert.Single(Directory.GetFiles(Path.Combine(folder, "runs")));
        byte[] bytes = File.ReadAllBytes(events);
        File.WriteAllBytes(events, bytes[..^7]); // amid the last record

        var run = RunFiles.Read(folder, "run");

        Assert.Equal("interrupted", run.State);
        Assert.Equal([1, 2], run.Log.Select(entry => entry.Step));
        Assert.Equal(2.5, run.Log[1].Loss);
    }

    /// <summary>A run that goes on from an older checkpoint repeats steps: those of the earlier session do not count.</summary>
    [Fact]
    public void Events_OfALaterSession_TakeThePlaceOfTheEarlierOnes()
    {
        string folder = Running("run", checkpointAt: 0);
        Log(folder, DateTimeOffset.UnixEpoch, (1, 1), (2, 1), (3, 1), (4, 1));
        Log(folder, DateTimeOffset.UnixEpoch.AddDays(1), (3, 2));
        Assert.Equal([(1, 1.0), (2, 1.0), (3, 2.0)], EventLog.Read(folder).Select(entry => (entry.Step, entry.Loss!.Value)));
    }

    [Fact]
    public void ADamagedFile_IsAFault_AndTheOthersAreShown()
    {
        string folder = _folders.Finished("run");
        File.WriteAllText(Path.Combine(folder, TrainerState.FileName), "{");
        Log(folder, DateTimeOffset.UnixEpoch, (1, 3));

        var report = TrainingReport.Read([folder]);

        string note = Assert.Single(report.Notes);
        Assert.StartsWith($"run: {Path.Combine(folder, TrainerState.FileName)}: expected JSON", note, StringComparison.Ordinal);
        Assert.Contains("<th scope=\"row\">lora_r</th>", report.ToHtml(), StringComparison.Ordinal);
        Assert.Contains("3.0000 at step 1", report.ToHtml(), StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(folder, "manifest.json"), """{"manifest_version": 1, "sessions": [{"ranks": "many"}]}""");
        Assert.Contains(TrainingReport.Read([folder]).Notes, line => line.Contains("ranks: expected a number", StringComparison.Ordinal));
    }

    [Fact]
    public void AnErrorThatEndedARun_IsNamed()
    {
        string folder = _folders.Finished("run");
        string manifest = Path.Combine(folder, "manifest.json");
        File.WriteAllText(manifest, File.ReadAllText(manifest)
            .Replace("\"state\": \"finished\", \"model\"", "\"state\": \"failed\", \"model\"", StringComparison.Ordinal)
            .Replace("\"host\":", "\"error\": \"Step 31: the loss is NaN.\", \"host\":", StringComparison.Ordinal));
        Assert.Equal(["run: failed after 30 of 30 steps: Step 31: the loss is NaN."], TrainingReport.Read([folder]).Notes);
    }

    [Fact]
    public void AFolderThatIsNoRun_IsOneLine()
    {
        string empty = Directory.CreateDirectory(_folders["empty"]).FullName;
        string missing = _folders["missing"], file = Path.Combine(empty, "file");
        Assert.Equal(
            $"{empty}: expected the folder of a run, found neither trainer_state.json nor manifest.json nor a checkpoint; "
            + "name the output_dir of a run ('lapidary runs' finds those below a folder).",
            Assert.Throws<LapidaryException>(() => TrainingReport.Read([empty])).Message);
        File.WriteAllText(file, "");
        Assert.EndsWith(
            "found none; check the path.", Assert.Throws<LapidaryException>(() => TrainingReport.Read([missing])).Message,
            StringComparison.Ordinal);
        Assert.EndsWith(
            "found a file; check the path.", Assert.Throws<LapidaryException>(() => TrainingReport.Read([file])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_OfHalfALine_AreLeftOut_AndTheLaterLineOfAStepCounts()
    {
        string folder = Directory.CreateDirectory(_folders["run"]).FullName;
        var file = new SampleFile(folder);
        file.OnSamples(0, [new("q", "e", "first", false)]);
        File.AppendAllText(Path.Combine(folder, SampleFile.FileName), "{\"step\":5,\"sam");
        file.OnSamples(10, [new("q", "e", null, null)]);
        file.OnSamples(0, [new("q", "e", "again\n<b>", true)]);

        var read = SampleFile.Read(folder);

        Assert.Equal([0, 10], read.Select(one => one.Step));
        Assert.Equal(new EvaluationSample("q", "e", "again\n<b>", true), Assert.Single(read[0].Samples));
        Assert.Equal(new EvaluationSample("q", "e", null, null), Assert.Single(read[1].Samples));
    }

    /// <summary>A long run is drawn with few points, but its peak and its gap stay.</summary>
    [Fact]
    public void ALongCurve_KeepsItsPeaksAndGaps()
    {
        var log = Enumerable.Range(1, 50_000).Select(step => new LogEntry
        {
            Step = step,
            Loss = step switch { 12_345 => 99, 23_456 => double.NaN, 34_567 => -99, _ => 1 + (step % 7) },
        }).ToArray();

        var line = CurveLine.Of(0, log, entry => entry.Loss).Thinned();

        Assert.InRange(line.Steps.Count, 1000, 2100);
        Assert.Equal([1, 50_000], [line.Steps[0], line.Steps[^1]]);
        Assert.All([12_345, 23_456, 34_567], step => Assert.Contains(step, line.Steps));
        Assert.Equal(line.Steps.Order(), line.Steps);
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
