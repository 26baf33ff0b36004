using Lapidary.Cli.CommandLine;
using Lapidary.Gemma;
using Lapidary.Gemma.Weights;

namespace Lapidary.Cli.Models;

/// <summary>Where merge and quantize write a model.</summary>
internal static class OutputSettings
{
    public static readonly Setting<string?> Output = Setting.Text("output", "DIR", "Folder for the new model.");

    public static readonly Setting<bool> Overwrite = Setting.Flag("overwrite", "Replace a model that is in the output folder.");

    public static readonly Setting<long> MaxShardSize = new(
        "max-shard-size", "SIZE", "Largest file: 2GB, 500MB, 2GiB.", new MergeOptions().MaxShardBytes, SettingText.Size,
        bytes => $"{bytes / 1e9:0.###}GB");

    /// <summary>Number of tensors of the written model, and their bytes.</summary>
    public static (int Tensors, long Bytes) Measure(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        return (checkpoint.Entries.Count, checkpoint.TotalBytes);
    }
}
