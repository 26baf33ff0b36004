using Lapidary.Cli.CommandLine;
using Lapidary.Formats.Files;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Runs;

/// <summary>The output folder of a training run: whether it is free, and which checkpoint to go on from.</summary>
internal static class RunFolder
{
    /// <summary>The resolved settings of a run, beside its results.</summary>
    public const string ConfigName = "run.yaml";

    /// <summary>--resume's word for the newest checkpoint of the output folder.</summary>
    public const string Latest = "latest";

    /// <summary>The checkpoint to go on from, null to start anew; refuses to mix two runs in one folder.</summary>
    /// <param name="outputDir">The run's folder.</param> <param name="resume">--resume's value: a checkpoint's folder, "latest", or null
    /// without it.</param>
    /// <param name="overwrite">Whether a new run may replace the checkpoints of an old one.</param>
    /// <exception cref="ToolException">There is no such checkpoint, or the folder is not free.</exception>
    public static string? Checkpoint(string outputDir, string? resume, bool overwrite)
    {
        string? latest = LatestOf(outputDir);
        if (resume is null)
        {
            if (latest is not null && !overwrite)
            {
                throw new ToolException(
                    $"{outputDir}: holds a run's checkpoints; give --resume to go on with it, --overwrite-output-dir to start anew, "
                    + "or another --output-dir.");
            }

            return null;
        }

        if (resume is not (Latest or "true"))
        {
            return File.Exists(Path.Combine(resume, TrainerState.FileName))
                ? resume
                : throw new ToolException(
                    $"{resume}: expected a checkpoint (a folder with {TrainerState.FileName}), found none; check --resume.");
        }

        return latest ?? throw new ToolException(
            $"{outputDir}: --resume expected a checkpoint in this folder, found none; check --output-dir or start without --resume.");
    }

    /// <summary>Deletes an old run's checkpoints.</summary>
    public static void Clear(string outputDir)
    {
        try
        {
            new CheckpointStore(outputDir, limit: 0).Clear();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new ToolException($"{outputDir}: its checkpoints cannot be deleted ({e.Message}); choose another --output-dir.", e);
        }
    }

    private static string? LatestOf(string outputDir)
    {
        try
        {
            return new CheckpointStore(outputDir, limit: 0).Latest;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new ToolException($"{outputDir}: cannot be read ({e.Message}); choose another --output-dir.", e);
        }
    }
}
