using System.Text;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Weights;

/// <summary>The JSON that bitsandbytes stores with a 4-bit weight, under "weight.quant_state.bitsandbytes__nf4".</summary>
/// <param name="BlockSize">"blocksize": elements per scale.</param>
/// <param name="DType">"dtype": type of the weight before it was quantized, and of what bitsandbytes dequantizes to.</param>
/// <param name="Out">First of "shape".</param>
/// <param name="In">Second of "shape".</param>
/// <param name="NestedOffset">"nested_offset" under double quantization, else null.</param>
internal sealed record BitsAndBytesQuantState(int BlockSize, DType DType, long Out, long In, float? NestedOffset)
{
    private const string NextStep = "quantize the original checkpoint again with nf4";

    /// <summary>Elements of the weight.</summary>
    public long Count => checked(Out * In);

    /// <summary>First-level scales.</summary>
    public long Blocks => (Count + BlockSize - 1) / BlockSize;

    /// <summary>Second-level scales under double quantization.</summary>
    public long NestedBlocks => (Blocks + Nf4Scales.NestedBlockSize - 1) / Nf4Scales.NestedBlockSize;

    /// <summary>The bytes that Python's json.dumps writes.</summary>
    public byte[] ToUtf8()
    {
        string nested = NestedOffset is { } offset
            ? $", \"nested_blocksize\": {Nf4Scales.NestedBlockSize}, \"nested_dtype\": \"float32\", "
                + $"\"nested_offset\": {PythonFloat.Repr(offset)}"
            : "";
        return Encoding.UTF8.GetBytes(
            $"{{\"quant_type\": \"nf4\", \"blocksize\": {BlockSize}, \"dtype\": \"{DTypeNames.ToTorch(DType)}\", "
            + $"\"shape\": [{Out}, {In}]{nested}}}");
    }

    /// <summary>Reads the JSON of a file and ignores unknown keys.</summary>
    /// <param name="source">File and tensor, for messages.</param>
    /// <param name="utf8">The tensor's bytes.</param>
    /// <exception cref="LapidaryException">A value is absent, or the engine cannot use it.</exception>
    internal static BitsAndBytesQuantState Parse(string source, ReadOnlySpan<byte> utf8)
    {
        var json = new JsonSection(source, JsonFile.Parse(source, utf8));
        if (json.Text("quant_type") != "nf4") throw json.Error("quant_type", "\"nf4\"", NextStep);
        int blockSize = json.Int("blocksize", fallback: 0, 0, int.MaxValue);
        if (!Nf4Options.IsLegalBlockSize(blockSize)) throw json.Error("blocksize", Nf4Options.LegalBlockSizes, NextStep);
        if (DTypeNames.FromTorch(json.Text("dtype")) is not { } dtype) throw json.Error("dtype", "float32, bfloat16 or float16", NextStep);
        if (json.Ints("shape", 1, int.MaxValue) is not [int rows, int columns])
            throw json.Error("shape", "the two sizes [out, in]", NextStep);
        bool isNested = json.Has("nested_blocksize") || json.Has("nested_dtype") || json.Has("nested_offset");
        return new BitsAndBytesQuantState(blockSize, dtype, rows, columns, isNested ? ParseNested(json) : null);
    }

    private static float ParseNested(JsonSection json)
    {
        if (json.Int("nested_blocksize", 0, 0, int.MaxValue) != Nf4Scales.NestedBlockSize)
        {
            throw json.Error("nested_blocksize", $"{Nf4Scales.NestedBlockSize}", NextStep);
        }

        if (json.Text("nested_dtype") != "float32") throw json.Error("nested_dtype", "\"float32\"", NextStep);
        if (!json.Has("nested_offset")) throw json.Error("nested_offset", "a number", NextStep);
        return (float)json.Number("nested_offset", 0, -float.MaxValue, float.MaxValue);
    }
}
