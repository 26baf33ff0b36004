using System.Text.Json.Nodes;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma;

/// <summary>quantization_config of a checkpoint that bitsandbytes stored in 4 bits.</summary>
public sealed record BitsAndBytesConfig
{
    private static readonly string[] StorageTypes = ["uint8", "float16", "bfloat16", "float32"];

    /// <summary>bnb_4bit_use_double_quant: whether the blocks' scales are quantized too. What a file holds is told by its
    /// tensors.</summary>
    public bool UseDoubleQuant { get; init; }

    /// <summary>bnb_4bit_compute_dtype, without "torch.".</summary>
    public string ComputeDtype { get; init; } = "float32";

    /// <summary>bnb_4bit_quant_storage: the type the packed codes are stored as.</summary>
    public string QuantStorage { get; init; } = "uint8";

    /// <summary>llm_int8_skip_modules: modules left in full precision, or null for the automatic choice.</summary>
    public IReadOnlyList<string>? SkipModules { get; init; }

    /// <summary>The thirteen keys as transformers writes them.</summary>
    public JsonObject ToJson() => new()
    {
        ["_load_in_4bit"] = true,
        ["_load_in_8bit"] = false,
        ["bnb_4bit_compute_dtype"] = ComputeDtype,
        ["bnb_4bit_quant_storage"] = QuantStorage,
        ["bnb_4bit_quant_type"] = "nf4",
        ["bnb_4bit_use_double_quant"] = UseDoubleQuant,
        ["llm_int8_enable_fp32_cpu_offload"] = false,
        ["llm_int8_has_fp16_weight"] = false,
        ["llm_int8_skip_modules"] = SkipModules is null ? null : new JsonArray([.. SkipModules.Select(name => JsonValue.Create(name))]),
        ["llm_int8_threshold"] = JsonNode.Parse("6.0"),
        ["load_in_4bit"] = true,
        ["load_in_8bit"] = false,
        ["quant_method"] = "bitsandbytes",
    };

    internal static BitsAndBytesConfig Read(JsonSection section)
    {
        const string next = "load the unquantized checkpoint and let Lapidary quantize it";
        if (section.Text("quant_method") != "bitsandbytes") throw section.Error("quant_method", "\"bitsandbytes\"", next);
        if (section.Flag("load_in_8bit", false) || !section.Flag("load_in_4bit", false))
            throw section.Error("load_in_4bit", "true, without load_in_8bit", next);
        if (section.Text("bnb_4bit_quant_type") != "nf4") throw section.Error("bnb_4bit_quant_type", "\"nf4\"", next);
        string storage = WithoutTorch(section.Text("bnb_4bit_quant_storage") ?? "uint8");
        if (!StorageTypes.Contains(storage)) throw section.Error("bnb_4bit_quant_storage", string.Join(", ", StorageTypes), next);
        return new BitsAndBytesConfig
        {
            UseDoubleQuant = section.Flag("bnb_4bit_use_double_quant", false),
            ComputeDtype = WithoutTorch(section.Text("bnb_4bit_compute_dtype") ?? "float32"),
            QuantStorage = storage,
            SkipModules = section.Texts("llm_int8_skip_modules"),
        };
    }

    private static string WithoutTorch(string dtype) => dtype.StartsWith("torch.", StringComparison.Ordinal) ? dtype[6..] : dtype;
}
