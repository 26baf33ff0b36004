namespace Lapidary.Cli.CommandLine;

/// <summary>The names of other tools that the command line and configuration files accept, so that the guide's settings can be pasted
/// unchanged. Both use this table.</summary>
internal static class GuideNames
{
    private const string AdamW = "AdamW is the only optimizer", Model = "quantization", Run = "learning_rate";

    private static readonly string[] YesOrNo = ["true", "false"], Yes = ["true"], No = ["false"];

    private static readonly string[] Floats = ["auto", "bfloat16", "float16", "float32"];

    /// <summary>All names.</summary>
    public static IReadOnlyList<GuideName> All { get; } =
    [
        // Short names for the most frequent options.
        new("m", "model") { IsShown = true },
        new("o", "output_dir", "output", "local_dir") { IsShown = true },
        new("r", "lora_r") { IsShown = true },
        new("lr", "learning_rate") { IsShown = true },
        new("epochs", "num_train_epochs") { IsShown = true },
        new("batch_size", "per_device_train_batch_size", "batch") { IsShown = true },
        new("max_seq_length", "max_length") { IsShown = true },

        // transformers' TrainingArguments and TRL's scripts.
        new("model_name_or_path", "model"),
        new("model_id", "model"),
        new("dataset_name", "dataset"),
        new("dataset_train_split", "dataset_split"),
        new("dataset_text_field", "text_column"),
        new("evaluation_strategy", "eval_strategy"),
        new("metric_for_best_model", "eval_metric")
        {
            Translate = text => text.StartsWith("eval_", StringComparison.Ordinal) ? text["eval_".Length..] : text,
        },
        Fixed("greater_is_better", "eval_metric", YesOrNo, "it follows from eval_metric"),
        new("resume_from_checkpoint", "resume"),
        new("push_to_hub_model_id", "hub_model_id"),
        new("torch_dtype", "dtype") { Translate = GuideName.Plain },
        new("device_map", "device"),
        new("use_cpu", "device")
        {
            IsFlag = true,
            Translate = text => SettingText.Bool(text) ? "cpu" : null,
            Here = "true: set device to cpu; false: cpu in a file does not count",
        },
        Fixed("optim", Run, ["adamw_torch", "adamw_torch_fused"], AdamW),
        Precision("bf16", Run, YesOrNo),
        new("fp16", "dtype")
        {
            IsFlag = true,
            Translate = text => SettingText.Bool(text) ? "float16" : null,
            Here = "true: set dtype to float16; false: float16 in a file does not count",
        },
        Precision("tf32", Run, YesOrNo),
        Fixed("use_reentrant", "gradient_checkpointing", YesOrNo, "a layer is computed again in one way only"),
        Fixed("use_liger_kernel", Run, YesOrNo, "the loss is always computed in chunks"),
        Fixed("logging_strategy", Run, ["steps"], "log lines come every logging_steps"),
        Fixed("remove_unused_columns", Run, YesOrNo, "columns that are not used are never read") with { Same = Yes },
        Fixed("group_by_length", Run, No, "rows of a batch are never padded to one length"),
        Fixed("do_train", Run, Yes, "'lapidary score' evaluates without training"),
        Fixed("save_safetensors", Run, Yes, "no other format is written"),

        // from_pretrained.
        Fixed("attn_implementation", Model, ["eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"],
            "one attention of its own does the work of all of them"),
        Fixed("low_cpu_mem_usage", Model, YesOrNo, "weights are always mapped from their file") with { Same = Yes },
        Fixed("use_cache", Model, YesOrNo, "generation keeps keys and values, training does not"),
        Fixed("trust_remote_code", Model, No, "code that comes with a model is never run"),

        // PEFT's LoraConfig.
        new("lora_target_modules", "target_modules"),
        new("lora_modules_to_save", "modules_to_save"),
        new("use_peft", "method")
        {
            IsFlag = true,
            Translate = text => SettingText.Bool(text) ? "lora" : "full",
            Here = "true: set method to lora; false: set method to full",
        },
        Fixed("bias", "target_modules", ["none"], "Gemma's layers have no biases"),
        Fixed("task_type", "target_modules", ["CAUSAL_LM"], "a causal language model is trained"),
        Fixed("lora_task_type", "target_modules", ["CAUSAL_LM"], "a causal language model is trained"),

        // BitsAndBytesConfig.
        new("load_in_4bit", "quantization")
        {
            IsFlag = true,
            Translate = text => SettingText.Bool(text) ? "nf4" : "none",
            Here = "true: set quantization to nf4; false: set quantization to none",
        },
        Fixed("load_in_8bit", Model, No, "set quantization to nf4 for 4 bits"),
        new("bnb_4bit_use_double_quant", "double_quant") { IsFlag = true },
        new("use_bnb_nested_quant", "double_quant") { IsFlag = true },
        Fixed("bnb_4bit_quant_type", Model, ["nf4"], "NF4 is the only type of 4 bits"),
        Precision("bnb_4bit_compute_dtype", Model, Floats),
        Fixed("bnb_4bit_quant_storage", Model, [.. Floats, "uint8"], "4-bit codes are always kept as bytes") with { Same = ["uint8"] },
    ];

    /// <summary>Keys that group settings, as Python's configuration objects do: in a configuration file over indented keys, on the
    /// command line before a dictionary of Python or JSON.</summary>
    public static IReadOnlyList<string> Groups { get; } =
    [
        "dataset_kwargs", "model_kwargs", "model_init_kwargs", "quantization_config", "bnb_config", "peft_config", "lora_config",
        "gradient_checkpointing_kwargs", "sft_config", "training_args",
    ];

    /// <summary>The entry of a name, and the key that it stands for in a command or belongs to.</summary>
    /// <param name="key">In snake case.</param>
    /// <param name="isKnown">Whether the command has a setting or option of a key.</param>
    public static (GuideName Name, string Target)? Find(string key, Func<string, bool> isKnown)
    {
        foreach (var name in All)
        {
            if (name.Key == key && name.Targets.FirstOrDefault(isKnown) is { } target) return (name, target);
        }

        return null;
    }

    /// <summary>The names that a command knows, with the keys that they stand for or belong to.</summary>
    public static IEnumerable<(GuideName Name, string Target)> Of(Func<string, bool> isKnown) =>
        from name in All let target = name.Targets.FirstOrDefault(isKnown) where target is not null select (name, target);

    private static GuideName Precision(string key, string target, string[] values) =>
        Fixed(key, target, values, "what is computed in follows from dtype and the device") with { IsPrecision = true };

    private static GuideName Fixed(string key, string target, string[] values, string here) =>
        new(key, target) { Constants = values, Here = here, IsFlag = values[0] is "true" or "false" };
}
