using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Checkpoints;

/// <summary>optimizer.safetensors of a checkpoint: the fp32 moments of every parameter, &lt;name&gt;.exp_avg and
/// &lt;name&gt;.exp_avg_sq.</summary>
internal static class OptimizerFile
{
    /// <summary>The file's name in a checkpoint.</summary>
    public const string FileName = "optimizer.safetensors";

    public static void Write(string folder, AdamWOptimizer optimizer, IBackend backend)
    {
        Tensor[] moments = [.. optimizer.States.SelectMany<AdamWOptimizer.State, Tensor>(state => [state.ExpAvg, state.ExpAvgSq])];
        using var writer = SafetensorsWriter.Create(Path.Combine(folder, FileName), [.. moments.Select(moment => moment.Declare())]);
        foreach (var moment in moments) writer.Write(moment.Name, stream => TensorStream.Write(moment, stream, backend));
        writer.Complete();
    }

    /// <exception cref="LapidaryException">A moment is missing or has another shape: the checkpoint is of another adapter.</exception>
    public static void Read(string folder, AdamWOptimizer optimizer, IBackend backend)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        foreach (var state in optimizer.States)
        {
            TensorStream.Load(file, state.ExpAvg.Name, state.ExpAvg, backend);
            TensorStream.Load(file, state.ExpAvgSq.Name, state.ExpAvgSq, backend);
        }
    }
}
