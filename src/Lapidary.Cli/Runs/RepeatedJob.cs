using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Manifests;

namespace Lapidary.Cli.Runs;

/// <summary>A new run with the settings of a manifest: it must read what the manifest's run read, unless the command line asks for
/// something else.</summary>
internal static class RepeatedJob
{
    /// <summary>Settings that decide which tokens are read.</summary>
    private static readonly IReadOnlyList<Setting> OfData =
    [
        DataSettings.DataSet, DataSettings.Mix, DataSettings.Stopping, DataSettings.EvalDataSet, DataSettings.TestSize, DataSettings.Select,
        .. DataSettings.Columns,
        .. new[]
        {
            nameof(SftConfig.MaxLength), nameof(SftConfig.Packing), nameof(SftConfig.AddSpecialTokens),
            nameof(SftConfig.AppendConcatToken), nameof(SftConfig.CompletionOnlyLoss), nameof(SftConfig.AssistantOnlyLoss),
            nameof(SftConfig.EvalStrategy), nameof(SftConfig.Shuffle), nameof(SftConfig.Seed),
        }.Select(SftSettings.Of),
    ];

    /// <summary>Compares the data with the manifest's.</summary>
    /// <param name="run">The command.</param>
    /// <param name="model">Settings of the model.</param>
    /// <param name="data">What the run is about to train on.</param>
    /// <returns>What the base must be compared with, once it is loaded; null if there is nothing to compare.</returns>
    /// <exception cref="LapidaryException">The data are others, and no option of the command line asks for others.</exception>
    public static RecordedHashes? Check(CommandRun run, ModelSettings model, TrainingData data)
    {
        if (run.Values.File is not { IsManifest: true } file) return null;
        var recorded = RecordedHashes.Read(file.Source);
        if (recorded.IsEmpty)
        {
            run.Note($"{file.Source} has no hashes, because its run ended early: whether data and base are the same is not checked.");
            return null;
        }

        bool isOtherModel = run.Values.IsTyped(model.Model);
        string? other = isOtherModel || run.Values.IsTyped(model.Tokenizer)
            ? (isOtherModel ? model.Model : model.Tokenizer).Name
            : OfData.FirstOrDefault(run.Values.IsTyped)?.Name;
        try
        {
            recorded.RequireData(data.Train, data.Evaluation, run.Values.Get(DataSettings.DataSet));
        }
        catch (LapidaryException) when (other is not null)
        {
            run.Note($"with --{other}, the run trains on other rows, tokens or labels than that of {file.Source}.");
        }

        return isOtherModel ? null : recorded;
    }
}
