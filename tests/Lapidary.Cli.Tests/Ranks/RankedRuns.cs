using System.Globalization;
using System.Text.RegularExpressions;
using Lapidary.Tests;
using Lapidary.Training;

namespace Lapidary.Cli.Tests.Ranks;

/// <summary>Tests of the tool under a real mpirun: one after the other, as each has several processes.</summary>
[CollectionDefinition(nameof(RankedRuns))]
public sealed class RankedRuns;

/// <summary>A folder with rows, and the tool as several ranks that train on them.</summary>
internal sealed partial class RankedTool : IDisposable
{
    public const string OpenMpi = MpiRun.OpenMpi, Mpich = MpiRun.Mpich;

    /// <summary>For a whole run; only a machine that is far too busy needs it.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(150);

    private readonly TemporaryFolder _folder = new();

    public RankedTool() => Rows = TinyModel.WriteRows(_folder.Path, TinyModel.Runs(10));

    /// <summary>Ten rows, whose last step is short with a global batch of 3 or 4.</summary>
    public string Rows { get; }

    public string this[string name] => _folder[name];

    private static string Program => Path.Combine(AppContext.BaseDirectory, "lapidary");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>The tool's arguments for a run that takes a moment, with a folder of its own. Dropout is the default's.</summary>
    public string[] Train(string output, params string[] more) =>
    [
        "train", "--device", "cpu", "--threads", "1", "--model", TinyModel.Folder, "--dataset", Rows, "--output-dir", _folder[output],
        "--packing", "false", "--max-length", "16", "--target-modules", "q_proj,v_proj", "--gradient-checkpointing", "false",
        "--logging-steps", "1", .. more,
    ];

    /// <summary>The same without some option and its value.</summary>
    public static string[] Without(string option, string[] args)
    {
        int at = Array.IndexOf(args, option);
        return [.. args[..at], .. args[(at + 2)..]];
    }

    /// <summary>Six steps of four rows, but for the third and the last.</summary>
    public string[] TrainSix(string output, int perDevice, int accumulation, params string[] more) => Train(
        output, ["--num-train-epochs", "2", "--per-device-train-batch-size", $"{perDevice}", "--gradient-accumulation-steps",
            $"{accumulation}", "--save-strategy", "steps", "--save-steps", "2", .. more]);

    /// <summary>Goes on with a run, and says nothing but that.</summary>
    public string[] Resume(string output, params string[] more) =>
        ["train", "--config", Path.Combine(_folder[output], "run.yaml"), "--resume", .. more];

    /// <summary>A run that is long, or of some steps; a row for each rank.</summary>
    public string[] TrainLong(string output, int steps = 100_000, params string[] more) => Train(
        output, ["--max-steps", $"{steps}", "--per-device-train-batch-size", "1", "--gradient-accumulation-steps", "1", .. more]);

    /// <summary>Starts ranks.</summary>
    public static MpiRun Start(string launcher, int ranks, string[] args, params string[] options) =>
        MpiRun.Start(launcher, ranks, Program, args, options: options);

    /// <summary>Starts ranks of which rank 1 has other values than the others, by a shell.</summary>
    /// <param name="launcher">Of MPI.</param> <param name="ranks">How many.</param> <param name="args">Of all of them.</param>
    /// <param name="option">What all of them have besides.</param> <param name="value">For all but rank 1, without spaces.</param>
    /// <param name="another">For rank 1.</param> <param name="options">More options of the launcher.</param>
    public static MpiRun StartWithAnother(
        string launcher, int ranks, string[] args, string option, string value, string another, params string[] options)
    {
        const string Own = "LAPIDARY_TEST_VALUE", Another = "LAPIDARY_TEST_ANOTHER";
        const string Script =
            $$"""[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 1 ] && {{Own}}=${{Another}}; exec "$0" "$@" "${{Own}}" """;
        return MpiRun.Start(
            launcher, ranks, "sh", ["-c", Script, Program, .. args, option], [(Own, value), (Another, another)], options);
    }

    /// <summary>Runs ranks to their end.</summary>
    public static async Task<MpiEnd> Run(string launcher, int ranks, params string[] args)
    {
        using var run = Start(launcher, ranks, args);
        return await run.End(Limit, Cancel);
    }

    /// <summary>Runs ranks, which must end well and speak as one.</summary>
    public static async Task<MpiEnd> Ok(string launcher, int ranks, params string[] args)
    {
        var end = await Run(launcher, ranks, args);
        Assert.True(end.ExitCode == 0, $"{end}");
        AssertSpeaksAsOne(end);
        return end;
    }

    /// <summary>Only rank 0 says anything, and nothing that is meant for a screen.</summary>
    public static void AssertSpeaksAsOne(MpiEnd end)
    {
        Assert.True(end.Lines.All(line => line.Rank is null or 0), $"{end}");
        Assert.DoesNotContain('\u001b', $"{end}");
        Assert.DoesNotContain('\r', $"{end}");
    }

    /// <summary>The one line with which a rank said why it ended; fails where there are others, but for the launcher's.</summary>
    public static string ErrorOf(MpiEnd end, int rank)
    {
        string[] errors = [.. end.Lines.Where(line => line.Rank == rank && line.Text.Contains("lapidary: ", StringComparison.Ordinal))
            .Select(line => line.Text)];
        Assert.True(errors.Length == 1, $"rank {rank} has {errors.Length} error lines\n{end}");
        return errors[0];
    }

    /// <summary>All lines with which ranks said why they ended.</summary>
    public static string[] Errors(MpiEnd end) =>
        [.. end.Lines.Where(line => line.Text.Contains("lapidary: ", StringComparison.Ordinal)).Select(line => line.Text)];

    public double[] Losses(string output) =>
        [.. TrainerState.Read(_folder[output]).LogHistory.Where(entry => entry.Loss is not null).Select(entry => entry.Loss!.Value)];

    /// <summary>Losses to four digits.</summary>
    public static void AssertClose(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    /// <summary>The trained values of a run and the state of its optimizer after a step.</summary>
    public (byte[] Adapter, byte[] Optimizer) Bits(string output, int step)
    {
        string checkpoint = Path.Combine(_folder[output], $"checkpoint-{step}");
        return (File.ReadAllBytes(Path.Combine(checkpoint, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(checkpoint, "optimizer.safetensors")));
    }

    public void AssertSameBits((byte[] Adapter, byte[] Optimizer) expected, string output, int step)
    {
        var found = Bits(output, step);
        Assert.True(expected.Adapter.AsSpan().SequenceEqual(found.Adapter), $"other adapter after step {step}");
        Assert.True(expected.Optimizer.AsSpan().SequenceEqual(found.Optimizer), $"other moments after step {step}");
    }

    /// <summary>Steps of the checkpoints that are there, in order.</summary>
    public int[] Checkpoints(string output) => !Directory.Exists(_folder[output]) ? [] :
    [
        .. Directory.GetDirectories(_folder[output]).Select(path => Checkpoint().Match(Path.GetFileName(path)))
            .Where(match => match.Success).Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).Order(),
    ];

    /// <summary>Makes a run what it would be, had it been killed after a checkpoint.</summary>
    public void CutAfter(string output, int step)
    {
        foreach (int later in Checkpoints(output).Where(other => other > step))
            Directory.Delete(Path.Combine(_folder[output], $"checkpoint-{later}"), recursive: true);
        foreach (string file in Directory.GetFiles(_folder[output]).Where(file => Path.GetFileName(file) != "run.yaml")) File.Delete(file);
    }

    /// <summary>Checkpoints are there as a whole.</summary>
    /// <param name="output">Of the run.</param> <param name="wasKilled">Whether rank 0 may have had no time to delete what is under
    /// temporary names.</param>
    public void AssertNothingHalfWritten(string output, bool wasKilled = false)
    {
        string[] all = [.. Directory.EnumerateFileSystemEntries(_folder[output], "*", SearchOption.AllDirectories)];
        if (!wasKilled) Assert.DoesNotContain(all, path => Path.GetFileName(path).Contains(".tmp", StringComparison.Ordinal));
        foreach (int step in Checkpoints(output))
        {
            string[] needed = ["adapter_model.safetensors", "optimizer.safetensors", "trainer_state.json", "lapidary_state.json"];
            Assert.All(needed, name => Assert.True(File.Exists(Path.Combine(_folder[output], $"checkpoint-{step}", name)), name));
        }
    }

    [GeneratedRegex(@"^checkpoint-(\d+)$")]
    private static partial Regex Checkpoint();
}
