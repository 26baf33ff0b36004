using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Checkpoints;

/// <summary>optimizer.safetensors of a checkpoint: the fp32 moments of every parameter, &lt;name&gt;.exp_avg and &lt;name&gt;.exp_avg_sq.
/// Rank 0 writes and reads the file; the other ranks send and receive their parts meanwhile.</summary>
internal static class OptimizerFile
{
    /// <summary>The file's name in a checkpoint.</summary>
    public const string FileName = "optimizer.safetensors";

    /// <summary>Writes the file.</summary>
    public static void Write(string folder, AdamWOptimizer optimizer, IBackend backend)
    {
        Moment[] moments = [.. optimizer.Moments];
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, FileName), [.. moments.Select(moment => new Tensor(DType.Float32, moment.Shape).Declare(moment.Name))]);
        foreach (var moment in moments)
            writer.Write(moment.Name, stream => moment.Collect(piece => TensorStream.Write(piece, stream, backend)));
        writer.Complete();
    }

    /// <summary>Takes part in rank 0's write; for the other ranks.</summary>
    public static void Give(AdamWOptimizer optimizer)
    {
        foreach (var moment in optimizer.Moments) moment.Collect(take: null);
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="LapidaryException">A moment is missing or has another shape: the checkpoint belongs to another adapter.</exception>
    public static void Read(string folder, AdamWOptimizer optimizer, IBackend backend)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        foreach (var moment in optimizer.Moments)
        {
            var source = TensorStream.Find(file, moment.Name, moment.Shape);
            var flat = source.Reshape(source.Count);
            moment.Spread((piece, first) => TensorStream.WidenHost(
                flat.Rows(first, piece.Count), piece.Reshape(piece.Count), backend));
        }
    }

    /// <summary>Takes part in rank 0's read; for the other ranks.</summary>
    public static void Take(AdamWOptimizer optimizer)
    {
        foreach (var moment in optimizer.Moments) moment.Spread(fill: null);
    }
}
