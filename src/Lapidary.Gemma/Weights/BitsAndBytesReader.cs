using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Weights;

/// <summary>Reads weights that bitsandbytes stored in 4 bits, over the checkpoint's mapped bytes.</summary>
/// <remarks>A weight P comes with P.absmax, P.quant_map and P.quant_state.bitsandbytes__nf4, and under double quantization with
/// P.nested_absmax and P.nested_quant_map. The shape of P has no meaning, and its type is only a view of the packed bytes.</remarks>
internal static class BitsAndBytesReader
{
    internal const string StateSuffix = ".quant_state.bitsandbytes__nf4";
    internal const string AbsmaxSuffix = ".absmax";
    internal const string MapSuffix = ".quant_map";
    internal const string NestedAbsmaxSuffix = ".nested_absmax";
    internal const string NestedMapSuffix = ".nested_quant_map";

    private const string Fp4StateSuffix = ".quant_state.bitsandbytes__fp4";
    private const int MaxStateBytes = 1 << 16;
    private const string NextStep = "download the checkpoint again or quantize the original one";

    /// <summary>Whether a tensor belongs to a 4-bit weight. Its name starts with that of the weight: &lt;module&gt;.weight.absmax and the
    /// like.</summary>
    public static bool IsPartOfAWeight(string name) => name.Contains(TensorNames.WeightSuffix + ".", StringComparison.Ordinal);

    /// <summary>The weight as an NF4 tensor [out, in], or null if it is not stored in 4 bits.</summary>
    /// <param name="checkpoint">Owns the memory: it must outlive the tensor.</param>
    /// <param name="name">The weight's name, such as "model.layers.0.self_attn.q_proj.weight".</param>
    /// <exception cref="LapidaryException">The weight is fp4, or its tensors contradict its quant_state.</exception>
    public static Tensor? TryRead(Checkpoint checkpoint, string name)
    {
        if (TryReadState(checkpoint, name) is not { } state) return null;
        CheckMap(checkpoint, name + MapSuffix);
        return new Tensor(Packed(checkpoint, name, state), DType.NF4, state.Out, state.In)
        {
            Name = name,
            Scales = state.NestedOffset is { } offset
                ? NestedScales(checkpoint, name, state, offset)
                : PlainScales(checkpoint, name, state),
        };
    }

    /// <summary>The quantization state of a 4-bit weight, or null if the weight is not stored in 4 bits.</summary>
    /// <exception cref="LapidaryException">The weight is fp4, or its quant_state is absent, damaged or of another kind.</exception>
    public static BitsAndBytesQuantState? TryReadState(Checkpoint checkpoint, string name)
    {
        string key = name + StateSuffix;
        if (checkpoint.Contains(name + Fp4StateSuffix))
        {
            throw Error(checkpoint, name, "4-bit type nf4", "fp4", "quantize the original checkpoint again with bnb_4bit_quant_type nf4");
        }

        if (!checkpoint.Contains(key))
        {
            return checkpoint.Contains(name + AbsmaxSuffix) ? throw Error(checkpoint, key, "the tensor beside .absmax", "none") : null;
        }

        var file = checkpoint.FileOf(key);
        var entry = file.Entry(key);
        if (entry.DType != "U8" || entry.LengthBytes > MaxStateBytes)
            throw Error(checkpoint, key, $"U8 JSON of at most {MaxStateBytes} bytes", $"{entry}");
        return BitsAndBytesQuantState.Parse($"{file.Path}: tensor {FileErrors.OneLine(key)}", file.Bytes(key));
    }

    /// <summary>The packed codes: U8, or the same bytes viewed as another type (bnb_4bit_quant_storage).</summary>
    private static nint Packed(Checkpoint checkpoint, string name, BitsAndBytesQuantState state)
    {
        if (!checkpoint.Contains(name)) throw Error(checkpoint, name, "the tensor beside its quant_state", "none");
        var entry = checkpoint.FileOf(name).Entry(name);
        long expected = DType.NF4.LengthBytes(state.Count);
        if (entry.DType is not ("U8" or "BF16" or "F16" or "F32") || entry.LengthBytes != expected)
        {
            throw Error(
                checkpoint, name, $"{expected} bytes of U8, BF16, F16 or F32 for the codes of [{state.Out}, {state.In}]", $"{entry}");
        }

        return checkpoint.Get(name).Address;
    }

    private static Nf4Scales PlainScales(Checkpoint checkpoint, string name, BitsAndBytesQuantState state)
    {
        if (checkpoint.Contains(name + NestedAbsmaxSuffix))
        {
            throw Error(checkpoint, name + NestedAbsmaxSuffix, "none, as quant_state has no nested_offset", "the tensor");
        }

        return new Nf4Scales(
            state.BlockSize, Numbers(checkpoint, name + AbsmaxSuffix, state.Blocks), NestedAbsmax: null, Offset: 0, NestedCode: null);
    }

    private static Nf4Scales NestedScales(Checkpoint checkpoint, string name, BitsAndBytesQuantState state, float offset) => new(
        state.BlockSize,
        Part(checkpoint, name + AbsmaxSuffix, DType.UInt8, state.Blocks),
        Numbers(checkpoint, name + NestedAbsmaxSuffix, state.NestedBlocks),
        offset,
        Numbers(checkpoint, name + NestedMapSuffix, DynamicMap.Values.Length));

    /// <summary>The engine has one table of 16 values, so the file must have the same.</summary>
    private static void CheckMap(Checkpoint checkpoint, string name)
    {
        if (Part(checkpoint, name, DType.Float32, Nf4Code.Values.Length).AsSpan<float>().SequenceEqual(Nf4Code.Values)) return;
        throw Error(checkpoint, name, "the 16 values of NF4", "others");
    }

    private static unsafe Tensor Numbers(Checkpoint checkpoint, string name, long count)
    {
        var tensor = Part(checkpoint, name, DType.Float32, count);
        float* values = (float*)tensor.Address;
        for (long i = 0; i < count; i++)
        {
            if (!float.IsFinite(values[i])) throw Error(checkpoint, name, "finite numbers", $"{values[i]} at {i}");
        }

        return tensor;
    }

    private static Tensor Part(Checkpoint checkpoint, string name, DType dtype, long count)
    {
        if (!checkpoint.Contains(name)) throw Error(checkpoint, name, $"{DTypeNames.ToSafetensors(dtype)}[{count}]", "none");
        var entry = checkpoint.FileOf(name).Entry(name);
        return entry.DType == DTypeNames.ToSafetensors(dtype) && entry.LengthBytes == dtype.LengthBytes(count)
            ? checkpoint.Get(name)
            : throw Error(checkpoint, name, $"{DTypeNames.ToSafetensors(dtype)}[{count}]", $"{entry}");
    }

    private static LapidaryException Error(Checkpoint checkpoint, string name, string expected, string found, string nextStep = NextStep) =>
        new($"{(checkpoint.Contains(name) ? checkpoint.FileOf(name).Path : checkpoint.Folder)}: tensor {FileErrors.OneLine(name)}: "
            + $"expected {expected}, found {FileErrors.OneLine(found)}; {nextStep}.");
}
