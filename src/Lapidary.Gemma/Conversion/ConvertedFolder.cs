using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Configuration;

namespace Lapidary.Gemma.Conversion;

/// <summary>A model folder made from another one: new weights and config.json, the other files as they are.</summary>
internal static class ConvertedFolder
{
    /// <summary>Bytes per file where nothing else is asked: the 2 GB of Google's guide.</summary>
    public const long MaxShardBytes = 2_000_000_000;

    /// <summary>Refuses to write a folder over the one it is made from.</summary>
    public static void RequireOther(string folder, string source, string otherwise)
    {
        if (Path.GetFullPath(source) != Path.GetFullPath(folder)) return;
        throw new LapidaryException($"{folder}: {otherwise}; choose another output.");
    }

    /// <summary>Writes the folder.</summary>
    /// <param name="folder">Created if absent.</param> <param name="source">Has the tokenizer and the like.</param>
    /// <param name="config">The source's.</param> <param name="changes">What the new weights make true.</param>
    /// <param name="tensors">In the order of the files.</param> <param name="maxShardBytes">Bytes per file.</param>
    /// <param name="onWritten">Told of each tensor written: its name, and how many there are by now.</param>
    public static void Write(
        string folder, string source, GemmaConfig config, GemmaConfigChanges changes, IReadOnlyList<TensorContent> tensors,
        long maxShardBytes, Action<string, int> onWritten)
    {
        using var writer = ShardedWriter.Create(folder, [.. tensors.Select(tensor => tensor.Declaration)], maxShardBytes);
        for (int i = 0; i < tensors.Count; i++)
        {
            string name = tensors[i].Declaration.Name;
            writer.Write(name, tensors[i].WriteTo);
            onWritten(name, i + 1);
        }

        // The weights get their names last: until then the folder holds no model.
        ModelFolder.CopyAll(source, folder);
        config.WriteTo(folder, changes);
        writer.Complete();
    }
}
