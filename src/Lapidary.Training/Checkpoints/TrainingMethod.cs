using Lapidary.Formats.Safetensors;
using Lapidary.Gemma;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Lora;

namespace Lapidary.Training.Checkpoints;

/// <summary>What a run trains.</summary>
internal enum TrainingMethod
{
    /// <summary>LoRA's matrices beside a frozen base, and modules_to_save.</summary>
    Lora,

    /// <summary>All weights.</summary>
    Full,
}

/// <summary>The files that a method leaves: an adapter, or a whole model.</summary>
internal static class MethodFiles
{
    private static readonly string[] AdapterNames = [AdapterConfigFile.FileName, AdapterFiles.WeightsName];

    /// <summary>The key of the method in a run's files.</summary>
    public const string Key = "method";

    /// <summary>The method that trains some weights.</summary>
    public static TrainingMethod Of(TrainedWeights weights) => weights is FullWeights ? TrainingMethod.Full : TrainingMethod.Lora;

    /// <summary>The method whose weights are in a folder; null if there are none.</summary>
    public static TrainingMethod? In(string folder) => File.Exists(Path.Combine(folder, AdapterFiles.WeightsName)) ? TrainingMethod.Lora
        : CheckpointFiles.AreIn(folder) ? TrainingMethod.Full
        : null;

    /// <summary>Paths of the files that hold the weights in a folder.</summary>
    public static IEnumerable<string> WeightsIn(string folder) => In(folder) switch
    {
        TrainingMethod.Lora => [Path.Combine(folder, AdapterFiles.WeightsName)],
        TrainingMethod.Full => Directory.EnumerateFiles(folder).Where(IsModelWeights).Order(StringComparer.Ordinal),
        _ => [],
    };

    /// <summary>Paths of all files of a result, apart from a tokenizer's.</summary>
    public static IEnumerable<string> ResultIn(string folder, TrainingMethod method) =>
        Directory.EnumerateFiles(folder).Where(file => IsPart(Path.GetFileName(file), method)).Order(StringComparer.Ordinal);

    /// <summary>Whether a file of this name belongs to a method's result.</summary>
    public static bool IsPart(string name, TrainingMethod method) => method == TrainingMethod.Lora
        ? AdapterNames.Contains(name)
        : name is GemmaConfig.FileName or CheckpointFiles.Index || IsModelWeights(name) || ModelFolder.IsPart(name);

    private static bool IsModelWeights(string path) =>
        Path.GetFileName(path) is var name && (name == CheckpointFiles.Single || CheckpointFiles.ShardName().IsMatch(name));
}
