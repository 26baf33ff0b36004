using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.Tests;

/// <summary>A tensor of a file as it lies there.</summary>
internal sealed record RawTensor(string DType, long[] Shape, byte[] Bytes);

/// <summary>Copies of a model's or adapter's folder with other tensors or settings, as users bring them.</summary>
internal static class Variant
{
    /// <summary>A copy of a folder.</summary>
    /// <param name="source">Holds one .safetensors file.</param> <param name="tensors">Changes them.</param>
    /// <param name="json">Changes config.json, or an adapter's adapter_config.json.</param>
    public static string Of(string source, Action<Dictionary<string, RawTensor>>? tensors = null, Action<JsonObject>? json = null)
    {
        string folder = Fixtures.TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        if (tensors is not null)
        {
            string weights = Directory.GetFiles(folder, "*.safetensors").Single();
            var all = Read(weights);
            tensors(all);
            Write(weights, all);
        }

        if (json is not null)
        {
            string settings = Directory.GetFiles(folder, "*config.json")
                .Single(path => Path.GetFileName(path) is "config.json" or "adapter_config.json");
            var tree = (JsonObject)JsonNode.Parse(File.ReadAllText(settings))!;
            json(tree);
            File.WriteAllText(settings, tree.ToJsonString());
        }

        return folder;
    }

    /// <summary>A tensor with one bf16 or fp32 element replaced.</summary>
    public static RawTensor With(this RawTensor tensor, int element, float value)
    {
        byte[] bytes = [.. tensor.Bytes];
        int bits = BitConverter.SingleToInt32Bits(value);
        if (tensor.DType == "F32") BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * element), bits);
        else BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * element), (ushort)(bits >> 16));
        return tensor with { Bytes = bytes };
    }

    /// <summary>A bf16 matrix of small numbers, or of zeros.</summary>
    public static RawTensor Matrix(long rows, long columns, float scale)
    {
        var random = new Random(1);
        byte[] bytes = new byte[2 * rows * columns];
        for (int i = 0; i < bytes.Length; i += 2)
        {
            float value = (float)(random.NextDouble() - 0.5) * scale;
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i), (ushort)(BitConverter.SingleToInt32Bits(value) >> 16));
        }

        return new RawTensor("BF16", [rows, columns], bytes);
    }

    private static Dictionary<string, RawTensor> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file), start = 8 + length;
        var header = (JsonObject)JsonNode.Parse(Encoding.UTF8.GetString(file, 8, length))!;
        header.Remove("__metadata__");
        return header.ToDictionary(pair => pair.Key, pair => new RawTensor(
            (string)pair.Value!["dtype"]!, [.. pair.Value["shape"]!.AsArray().Select(size => (long)size!)],
            file[(start + (int)pair.Value["data_offsets"]![0]!)..(start + (int)pair.Value["data_offsets"]![1]!)]));
    }

    private static void Write(string path, Dictionary<string, RawTensor> tensors)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        int end = 0;
        foreach (var (name, tensor) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.DType,
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = new JsonArray(end, end += tensor.Bytes.Length),
            };
        }

        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString().PadRight(8 * (header.ToJsonString().Length / 8 + 1)));
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. tensors.Values.SelectMany(tensor => tensor.Bytes)]);
    }
}
