using System.Runtime.InteropServices;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A file of expected values, computed by transformers, PEFT and bitsandbytes (tests/Fixtures/make).</summary>
internal sealed class Golden(string name) : IDisposable
{
    private readonly SafetensorsFile _file = SafetensorsFile.Open(Fixtures.Path($"tiny/{name}.safetensors"));

    public IEnumerable<string> Names => _file.Entries.Select(entry => entry.Name);

    public float[] Floats(string tensor) => MemoryMarshal.Cast<byte, float>(_file.Bytes(tensor)).ToArray();

    public int[] Ids(string tensor) => [.. MemoryMarshal.Cast<byte, long>(_file.Bytes(tensor)).ToArray().Select(id => (int)id)];

    public long[] Shape(string tensor) => [.. _file.Entry(tensor).Shape];

    public void Dispose() => _file.Dispose();
}
