using Lapidary.Cli.Tests;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Robustness.Tests.Interruptions;

/// <summary>A short training as a process, which can be stopped at any moment and gone on with.</summary>
/// <param name="folder">Its output folder.</param> <param name="rows">Its data.</param>
internal sealed class TrainingRun(string folder, string rows)
{
    private readonly string[] _args =
    [
        "train", "--model", Fixtures.Path("tiny/model"), "--dataset", rows, "--output-dir", folder, "--max-steps", "24",
        "--save-strategy", "steps", "--save-steps", "3", "--logging-steps", "1", "--save-total-limit", "3",
        "--per-device-train-batch-size", "2", "--threads", "1", "--modules-to-save", "none",
    ];

    /// <summary>The adapter's bytes at the end.</summary>
    public byte[] Adapter => File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));

    /// <summary>Whether there is a checkpoint to go on from.</summary>
    public bool HasCheckpoint => Checkpoints.Any();

    private IEnumerable<string> Checkpoints =>
        Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder, "checkpoint-*").Where(name => int.TryParse(name[(name.LastIndexOf('-') + 1)..], out _))
            : [];

    /// <summary>Starts it, or goes on where it stands.</summary>
    public Tool Start() => Tool.Start(HasCheckpoint ? [.. _args, "--resume"] : _args);

    /// <summary>Runs it to its end, or goes on to it.</summary>
    public void Finish() => End().Ok();

    /// <summary>Runs it or goes on, until it ends.</summary>
    public CliRun End()
    {
        using var tool = Start();
        return tool.End();
    }

    /// <summary>Every folder under a final name is whole.</summary>
    public void AssertWhole()
    {
        foreach (string checkpoint in Checkpoints)
        {
            foreach (string file in (string[])["adapter_model.safetensors", "optimizer.safetensors"])
            {
                using var tensors = SafetensorsFile.Open(Path.Combine(checkpoint, file));
                foreach (var entry in tensors.Entries) tensors.CopyTo(entry.Name, Stream.Null);
            }

            Training.TrainerState.Read(checkpoint);
        }
    }

    /// <summary>Nothing is left behind: no temporary file, no lock.</summary>
    public void AssertClean() => Assert.DoesNotContain(
        Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }),
        name => name.Contains(".tmp-", StringComparison.Ordinal) || name.EndsWith(".lock", StringComparison.Ordinal));
}
