using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Small models with a tokenizer, for exports.</summary>
internal static class GgufModels
{
    /// <summary>A copy of a fixture's model with the small tokenizer and changes to config.json.</summary>
    public static string Of(string fixture = "model", Action<JsonObject>? change = null)
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(Fixtures.Path("tiny/" + fixture)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        AddTokenizer(folder, Fixtures.SmallTokenizer);
        string path = Path.Combine(folder, GemmaConfig.FileName);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change?.Invoke(json);
        File.WriteAllText(path, json.ToJsonString());
        return folder;
    }

    /// <summary>A copy of a model with another value in config.json.</summary>
    public static string With(string model, string key, JsonNode? value)
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(model)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string path = Path.Combine(folder, GemmaConfig.FileName);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json[key] = value;
        File.WriteAllText(path, json.ToJsonString());
        return folder;
    }

    /// <summary>A model with random weights of a configuration, bf16.</summary>
    public static string Random(string tokenizer, Action<JsonObject> change)
    {
        string folder = Fixtures.TemporaryFolder();
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Path("tiny/model"), GemmaConfig.FileName)))!.AsObject();
        change(json);
        File.WriteAllText(Path.Combine(folder, GemmaConfig.FileName), json.ToJsonString());
        AddTokenizer(folder, tokenizer);
        var tensors = GemmaTensors.Of(GemmaConfig.Load(folder)).ToList();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, "model.safetensors"),
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, "BF16", tensor.Shape.AsSpan()))]);
        for (int i = 0; i < tensors.Count; i++)
        {
            var random = new StableRandom(seed: 7, i);
            ushort[] values = new ushort[tensors[i].Shape.Aggregate(1L, (product, size) => product * size)];
            double spread = tensors[i].Shape.Length == 1 ? 0.5 : 2 / Math.Sqrt(tensors[i].Shape[^1]);
            for (int at = 0; at < values.Length; at++) values[at] = BFloat16.FromSingle((float)((random.NextDouble() - 0.5) * 2 * spread));
            writer.Write(tensors[i].Name, MemoryMarshal.AsBytes<ushort>(values));
        }

        writer.Complete();
        return folder;
    }

    /// <summary>Exports to a new file.</summary>
    public static string Export(string model, GgufType type = GgufType.F32, Action<string>? onNote = null)
    {
        string file = Path.Combine(Fixtures.TemporaryFolder(), "model.gguf");
        GgufExporter.Export(model, file, new GgufExportOptions { Type = type, OnNote = onNote });
        return file;
    }

    private static void AddTokenizer(string folder, string tokenizer)
    {
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json"])
        {
            if (File.Exists(Path.Combine(tokenizer, name))) File.Copy(Path.Combine(tokenizer, name), Path.Combine(folder, name));
        }
    }
}
