using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Conversion;

/// <summary>The weights and config.json of a model made from another one.</summary>
internal static class ConvertedFolder
{
    /// <summary>Default bytes per file: the 2 GB of Google's guide.</summary>
    public const long MaxShardBytes = 2_000_000_000;

    /// <summary>An unchanged tensor of the source; refused if a number is not finite.</summary>
    public static TensorContent Copy(Checkpoint checkpoint, SafetensorsEntry entry) => new(entry.Declaration, stream =>
    {
        if (entry.LengthBytes > 0 && !entry.Shape.IsEmpty && DTypeNames.FromSafetensors(entry.DType)?.IsFloatingPoint() == true)
            TensorStream.RequireFinite(checkpoint.Get(entry.Name), backend: null, checkpoint.Folder);
        checkpoint.FileOf(entry.Name).CopyTo(entry.Name, stream);
    });

    /// <summary>Writes them.</summary>
    /// <param name="folder">The new model's folder.</param>
    /// <param name="config">The source's configuration.</param>
    /// <param name="changes">Changes that match the new weights.</param>
    /// <param name="tensors">Tensors in the order of the files.</param>
    /// <param name="maxShardBytes">Bytes per file.</param>
    /// <param name="onWritten">Called for each tensor written, with its name and the number written so far.</param>
    public static void Write(
        string folder, GemmaConfig config, GemmaConfigChanges changes, IReadOnlyList<TensorContent> tensors, long maxShardBytes,
        Action<string, int> onWritten)
    {
        using var writer = ShardedWriter.Create(folder, [.. tensors.Select(tensor => tensor.Declaration)], maxShardBytes);
        for (int i = 0; i < tensors.Count; i++)
        {
            string name = tensors[i].Declaration.Name;
            writer.Write(name, tensors[i].WriteTo);
            onWritten(name, i + 1);
        }

        config.WriteTo(folder, changes);
        writer.Complete();
    }
}
