using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Lora;

/// <summary>Refuses kinds of adapters that Lapidary would compute wrongly, each with a specific message.</summary>
internal static class AdapterConfigLimits
{
    private const string Retrain = "train or convert the adapter without it";

    // Settings of variants that change the forward pass or which parameters there are.
    private static readonly string[] MustBeUnset =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "megatron_config", "monteclora_config",
        "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config",
    ];

    private static readonly string[] MustBeFalse = ["fan_in_fan_out", "lora_bias", "use_dora", "use_qalora"];

    // The other ways to start (PiSSA, OLoRA, LoftQ, CorDA, LoRA-GA) also change the base weights.
    private static readonly string[] HarmlessInits = ["gaussian", "eva", "orthogonal"];

    public static void Check(JsonSection json)
    {
        if (json.Text("peft_type") is not "LORA") throw json.Error("peft_type", "\"LORA\"", "choose a LoRA adapter");
        foreach (string key in MustBeFalse)
            if (json.Flag(key, false)) throw json.Error(key, "false, as Lapidary does not support it", Retrain);
        if (json.Text("bias") is not (null or "none")) throw json.Error("bias", "\"none\", as Lapidary does not train biases", Retrain);
        foreach (string key in MustBeUnset)
            if (!IsUnset(json.Json[key])) throw json.Error(key, "null, as Lapidary does not support it", Retrain);
        var init = json.Json["init_lora_weights"];
        if (init is not null && init.GetValueKind() is not (JsonValueKind.True or JsonValueKind.False)
            && !HarmlessInits.Contains(json.Text("init_lora_weights")))
        {
            throw json.Error(
                "init_lora_weights", "true, false, \"gaussian\", \"eva\" or \"orthogonal\", which leave the base weights alone",
                "convert it to a plain LoRA adapter with PEFT first");
        }
    }

    /// <summary>Refuses an unknown key that turns on a variant; other unknown keys do not change the computation.</summary>
    public static void CheckUnknown(JsonSection json, string key)
    {
        if (key.StartsWith("use_", StringComparison.Ordinal) && json.Json[key]?.GetValueKind() == JsonValueKind.True)
            throw json.Error(key, "false, as Lapidary does not know this variant of LoRA", Retrain);
    }

    private static bool IsUnset(JsonNode? node) => node switch
    {
        null => true,
        JsonArray list => list.Count == 0,
        JsonObject json => json.Count == 0,
        _ => node.GetValueKind() == JsonValueKind.False,
    };
}
