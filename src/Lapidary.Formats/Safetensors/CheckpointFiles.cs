using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lapidary.Formats.Files;

namespace Lapidary.Formats.Safetensors;

/// <summary>The names of a checkpoint's weight files, and the index that says which shard holds which tensor.</summary>
internal static partial class CheckpointFiles
{
    public const string Single = "model.safetensors";
    public const string Index = "model.safetensors.index.json";

    private const long MaxIndexBytes = 256L << 20;

    /// <summary>"model-00001-of-00003.safetensors"; <paramref name="number"/> counts from 1. The only shard is
    /// "model.safetensors".</summary>
    public static string Shard(int number, int count) => count == 1
        ? Single
        : string.Create(CultureInfo.InvariantCulture, $"model-{number:D5}-of-{count:D5}.safetensors");

    /// <summary>Whether the name is one that <see cref="Shard"/> makes for more than one shard.</summary>
    [GeneratedRegex(@"\Amodel-[0-9]{5}-of-[0-9]{5}\.safetensors\z", RegexOptions.CultureInvariant)]
    public static partial Regex ShardName();

    /// <summary>Whether a folder holds weights.</summary>
    public static bool AreIn(string folder) => File.Exists(Path.Combine(folder, Single)) || File.Exists(Path.Combine(folder, Index));

    /// <summary>Reads an index: tensor name → plain name of a file that exists in the folder.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> ReadIndex(string folder)
    {
        string path = Path.Combine(folder, Index);
        var section = new JsonSection(path, JsonFile.Read(path, MaxIndexBytes));
        var map = section.Section("weight_map") ?? throw section.Error("weight_map", "an object of file names");
        if (map.Json.Count == 0) throw section.Error("weight_map", "at least one tensor");
        var checkedFiles = new HashSet<string>();
        var result = new List<KeyValuePair<string, string>>();
        foreach (string tensor in map.Json.Select(pair => pair.Key))
        {
            string file = map.Text(tensor) ?? throw map.Error(tensor, "a file name");
            if (checkedFiles.Add(file))
            {
                if (!IsPlainName(file)) throw map.Error(tensor, "a plain file name inside the folder that ends in .safetensors");
                if (!File.Exists(Path.Combine(folder, file))) throw map.Error(tensor, "a file that exists", "download the missing shard");
            }

            result.Add(new(tensor, file));
        }

        return result;
    }

    /// <summary>The index's text; keys in ordinal order, as json.dumps(sort_keys=True) has them.</summary>
    public static string IndexText(IEnumerable<KeyValuePair<string, string>> weightMap, long totalBytes) => JsonFile.ToText(new JsonObject
    {
        ["metadata"] = new JsonObject { ["total_size"] = totalBytes },
        ["weight_map"] = new JsonObject(weightMap.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => new KeyValuePair<string, JsonNode?>(pair.Key, pair.Value))),
    });

    /// <summary>The error for a folder without weights.</summary>
    public static LapidaryException Missing(string folder)
    {
        bool pickled = Directory.Exists(folder) && Directory.EnumerateFiles(folder, "pytorch_model*.bin").Any();
        return new LapidaryException($"{folder}: expected {Single} or {Index}, found {(pickled
            ? "pytorch_model.bin, a pickle file, which could run code; download the safetensors version of the model"
            : "neither; check the path or download the model")}.");
    }

    private static bool IsPlainName(string file) =>
        file.EndsWith(".safetensors", StringComparison.Ordinal) && !file.StartsWith('.') && file.Length <= 255
        && !file.AsSpan().ContainsAny("/\\:") && !file.Any(char.IsControl);
}
