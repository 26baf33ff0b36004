using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Models;

/// <summary>What a run that trained all weights leaves, its result or a checkpoint, where an adapter was expected.</summary>
internal static class WholeModel
{
    /// <summary>The end of a message about a folder that needs no merge.</summary>
    public const string NothingToMerge =
        "is a whole model, with nothing to merge; generate, chat, eval, quantize and export take it as --model";

    /// <summary>Whether such a run left the folder.</summary>
    public static bool IsOfARun(string folder) =>
        MethodFiles.In(folder) == TrainingMethod.Full && File.Exists(Path.Combine(folder, TrainerState.FileName));

    /// <summary>Refuses such a folder as the adapter of a command.</summary>
    /// <param name="folder">What was given.</param>
    /// <param name="command">"lapidary train".</param>
    /// <exception cref="ToolException">It is one.</exception>
    public static void RefuseAsAdapter(string folder, string command)
    {
        if (CheckpointOf(folder) is { } newest)
        {
            throw new ToolException($"{folder}: expected an adapter, found checkpoints of a run with --method full that has not ended, "
                + $"each of which is a whole model; give one, such as --model {Quoted(newest)}, without --adapter.");
        }

        if (!IsOfARun(folder)) return;
        bool isCheckpoint = RunNames.StepOf(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))) is not null;
        string found = $"{folder}: expected an adapter, found {(isCheckpoint ? "a checkpoint" : "the result")} of a run with --method full";
        if (command.EndsWith(" merge", StringComparison.Ordinal))
            throw new ToolException($"{found}: it {NothingToMerge} {Quoted(folder)}.");
        throw new ToolException($"{found}, which is a whole model; give it as --model {Quoted(folder)}, without --adapter"
            + (isCheckpoint && command.EndsWith(" train", StringComparison.Ordinal) ? GoOn(folder) : "") + ".");
    }

    /// <summary>Refuses the folder of a run that has not ended as the model of a command.</summary>
    /// <exception cref="ToolException">It is one.</exception>
    public static void RequireEnded(string folder)
    {
        if (CheckpointOf(folder) is not { } newest) return;
        throw new ToolException(
            $"{folder}: expected a model ({GemmaConfig.FileName}), found only checkpoints of a run that has not ended; give one, such as "
            + $"--model {Quoted(newest)}.");
    }

    /// <summary>The newest checkpoint of a run that trains all weights and has left no result; null for other folders.</summary>
    private static string? CheckpointOf(string folder) =>
        Directory.Exists(folder) && MethodFiles.In(folder) is null && !File.Exists(Path.Combine(folder, GemmaConfig.FileName))
        && new CheckpointStore(folder, limit: 0).Latest is { } newest && IsOfARun(newest)
            ? newest
            : null;

    /// <summary>How to go on with the run instead of training its weights in another one.</summary>
    private static string GoOn(string checkpoint)
    {
        string parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(checkpoint)) ?? "";
        string settings = Path.Combine(parent, RunSettings.FileName);
        return File.Exists(settings)
            ? $", or go on with that run: lapidary train --config {Quoted(settings)} --resume {Quoted(checkpoint)}"
            : "";
    }

    private static string Quoted(string path) => ShellText.Quote(path);
}
