using System.Buffers.Binary;
using System.Text.Json;

namespace Lapidary.Engine.Tests;

/// <summary>Temporary reader.</summary>
internal sealed class GoldenFile
{
    private readonly Dictionary<string, Tensor> _tensors = [];

    public unsafe GoldenFile(string path, MemoryRegion region)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        foreach (var entry in json.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__") continue;
            var dtype = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => DType.Float32,
                "BF16" => DType.BFloat16,
                "U8" => DType.UInt8,
                var other => throw new NotSupportedException(other),
            };
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
            var offsets = entry.Value.GetProperty("data_offsets");
            var tensor = region.New(entry.Name, dtype, shape);
            bytes.AsSpan(8 + header + offsets[0].GetInt32(), (int)tensor.LengthBytes).CopyTo(new Span<byte>((void*)tensor.Address, (int)tensor.LengthBytes));
            _tensors[entry.Name] = tensor;
        }
    }

    public IEnumerable<string> Names => _tensors.Keys;

    public Tensor this[string name] => _tensors[name];

    public bool Contains(string name) => _tensors.ContainsKey(name);
}
