using System.Runtime.InteropServices;
using System.Text;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>A 4-bit weight [4, 32] with one thing changed: refused with one line that names the tensor and the fault.</summary>
public sealed class MalformedBitsAndBytesTests
{
    private const string State = "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"bfloat16\", \"shape\": [4, 32], "
        + "\"nested_blocksize\": 256, \"nested_dtype\": \"float32\", \"nested_offset\": 0.5}";

    private const string StateKey = ".quant_state.bitsandbytes__nf4";

    [Fact]
    public void TryRead_OfTheUnchangedWeight_Works() => Assert.Equal(128, Read(Sound()).Count);

    [Theory]
    [InlineData("BF16", 2)]
    [InlineData("F16", 2)]
    [InlineData("F32", 4)]
    public void TryRead_TakesPackedCodesUnderAnotherType(string dtype, int size)
    {
        var tensors = Sound();
        tensors[""] = (dtype, [64 / size, 1], tensors[""].Bytes);
        Assert.Equal(DType.NF4, Read(tensors).DType);
    }

    [Theory]
    [InlineData("\"nf4\"", "\"fp4\"", "quant_type")]
    [InlineData("\"quant_type\": \"nf4\", ", "", "quant_type")]
    [InlineData("\"blocksize\": 64", "\"blocksize\": 0", "blocksize")]
    [InlineData("\"blocksize\": 64", "\"blocksize\": 48", "blocksize")]
    [InlineData("\"blocksize\": 64", "\"blocksize\": \"64\"", "blocksize")]
    [InlineData("\"blocksize\": 64", "\"blocksize\": 128", ".absmax")]
    [InlineData("bfloat16", "int8", "dtype")]
    [InlineData("[4, 32]", "[4]", "shape")]
    [InlineData("[4, 32]", "[4, 32, 1]", "shape")]
    [InlineData("[4, 32]", "[4, -32]", "shape")]
    [InlineData("[4, 32]", "[4, 0]", "shape")]
    [InlineData("[4, 32]", "[4.5, 32]", "shape")]
    [InlineData("[4, 32]", "[4, 34]", "68 bytes")]
    [InlineData("[4, 32]", "[2147483647, 2147483647]", "bytes")]
    [InlineData(": 256", ": 128", "nested_blocksize")]
    [InlineData("\"nested_blocksize\": 256, ", "", "nested_blocksize")]
    [InlineData("float32", "float16", "nested_dtype")]
    [InlineData(", \"nested_offset\": 0.5", "", "nested_offset")]
    [InlineData("0.5", "1e39", "nested_offset")]
    [InlineData("0.5", "NaN", "JSON")]
    [InlineData("0.5}", "0.5", "JSON")]
    [InlineData("\"nested_blocksize\": 256, \"nested_dtype\": \"float32\", \"nested_offset\": 0.5", "\"x\": 0", ".nested_absmax")]
    public void TryRead_RefusesAQuantStateWith(string from, string to, string fault)
    {
        string json = State.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(State, json);
        var tensors = Sound();
        tensors[StateKey] = Text(json);
        AssertRefused(tensors, fault);
    }

    [Theory]
    [InlineData("", ".weight")]
    [InlineData(".absmax", ".absmax")]
    [InlineData(".quant_map", ".quant_map")]
    [InlineData(".nested_absmax", ".nested_absmax")]
    [InlineData(".nested_quant_map", ".nested_quant_map")]
    [InlineData(StateKey, StateKey)]
    public void TryRead_RefusesAMissing(string suffix, string fault)
    {
        var tensors = Sound();
        tensors.Remove(suffix);
        AssertRefused(tensors, fault);
    }

    [Theory]
    [InlineData("", "U8", 63)]
    [InlineData("", "U8", 65)]
    [InlineData("", "I32", 64)]
    [InlineData(".absmax", "U8", 1)]
    [InlineData(".absmax", "F32", 8)]
    [InlineData(".quant_map", "F32", 60)]
    [InlineData(".nested_absmax", "F32", 8)]
    [InlineData(".nested_absmax", "U8", 4)]
    [InlineData(".nested_quant_map", "F32", 1020)]
    [InlineData(StateKey, "F32", 64)]
    [InlineData(StateKey, "U8", 100_000)]
    public void TryRead_RefusesAnotherSizeOrTypeOf(string suffix, string dtype, int lengthBytes)
    {
        var tensors = Sound();
        tensors[suffix] = (dtype, [lengthBytes / (dtype == "U8" ? 1 : 4)], new byte[lengthBytes]);
        AssertRefused(tensors, "w.weight" + suffix);
    }

    [Theory]
    [InlineData(".nested_absmax", "finite")]
    [InlineData(".nested_quant_map", "finite")]
    [InlineData(".quant_map", "NF4")]
    public void TryRead_RefusesNaNIn(string suffix, string fault)
    {
        var tensors = Sound();
        MemoryMarshal.Cast<byte, float>(tensors[suffix].Bytes.AsSpan())[0] = float.NaN;
        AssertRefused(tensors, fault);
    }

    [Fact]
    public void TryRead_RefusesFp4ByName()
    {
        var tensors = Sound();
        tensors.Remove(StateKey, out var state);
        tensors[".quant_state.bitsandbytes__fp4"] = state;
        AssertRefused(tensors, "fp4");
    }

    private static Dictionary<string, (string DType, long[] Shape, byte[] Bytes)> Sound() => new()
    {
        [""] = ("U8", [64, 1], new byte[64]),
        [".absmax"] = ("U8", [2], new byte[2]),
        [".nested_absmax"] = ("F32", [1], Floats([0.5f])),
        [".nested_quant_map"] = ("F32", [256], Floats(DynamicMap.Values)),
        [".quant_map"] = ("F32", [16], Floats(Nf4Code.Values)),
        [StateKey] = Text(State),
    };

    private static void AssertRefused(Dictionary<string, (string DType, long[] Shape, byte[] Bytes)> tensors, string fault)
    {
        var error = Assert.Throws<LapidaryException>(() => Read(tensors));
        Assert.Contains("w.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static Tensor Read(Dictionary<string, (string DType, long[] Shape, byte[] Bytes)> tensors)
    {
        string folder = Fixtures.TemporaryFolder();
        var ordered = tensors.Select(
            pair => (Declaration: new TensorDeclaration("w.weight" + pair.Key, pair.Value.DType, pair.Value.Shape), pair.Value.Bytes))
            .OrderBy(entry => entry.Declaration, SafetensorsOrder.Instance).ToList();
        string path = Path.Combine(folder, "model.safetensors");
        using (var writer = SafetensorsWriter.Create(path, [.. ordered.Select(entry => entry.Declaration)]))
        {
            foreach (var (declaration, bytes) in ordered) writer.Write(declaration.Name, bytes);
            writer.Complete();
        }

        using var checkpoint = Checkpoint.Open(folder);
        return BitsAndBytesReader.TryRead(checkpoint, "w.weight")!;
    }

    private static (string, long[], byte[]) Text(string text) => ("U8", [Encoding.UTF8.GetByteCount(text)], Encoding.UTF8.GetBytes(text));

    private static byte[] Floats(ReadOnlySpan<float> values) => MemoryMarshal.AsBytes(values).ToArray();
}
