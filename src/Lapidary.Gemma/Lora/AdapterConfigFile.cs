using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Lora;

/// <summary>Reads and writes PEFT's adapter_config.json.</summary>
internal static class AdapterConfigFile
{
    /// <summary>The file's name in an adapter's folder.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>The release of PEFT whose files we write.</summary>
    public const string PeftVersion = "0.21.0";

    private static readonly LoraConfig Defaults = new();
    private static readonly RangeAttribute Rank = RecordLimits.Of<LoraConfig>(nameof(LoraConfig.R));
    private static readonly RangeAttribute Alpha = RecordLimits.Of<LoraConfig>(nameof(LoraConfig.LoraAlpha));
    private static readonly RangeAttribute Dropout = RecordLimits.Of<LoraConfig>(nameof(LoraConfig.LoraDropout));

    /// <summary>Reads an adapter's settings.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="unknownKeys">Receives keys that PEFT 0.21 does not know. PEFT drops them with a warning, and so should the
    /// caller.</param>
    /// <exception cref="LapidaryException">The file is absent or damaged, or requires a variant of LoRA that Lapidary does not
    /// support.</exception>
    public static LoraConfig Read(string folder, ICollection<string>? unknownKeys = null)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path) && NewestCheckpoint(folder) is { } checkpoint)
        {
            throw new LapidaryException(
                $"{folder}: expected {FileName}, found only checkpoints of a run that has not ended; give one, such as {checkpoint}.");
        }

        var json = new JsonSection(path, JsonFile.Read(path));
        AdapterConfigLimits.Check(json);
        foreach (var (key, _) in json.Json)
        {
            if (Template.ContainsKey(key)) continue;
            AdapterConfigLimits.CheckUnknown(json, key);
            unknownKeys?.Add(key);
        }

        var config = new LoraConfig
        {
            R = Int(json, "r", Defaults.R, Rank),
            LoraAlpha = Number(json, "lora_alpha", Defaults.LoraAlpha, Alpha),
            LoraDropout = Number(json, "lora_dropout", Defaults.LoraDropout, Dropout),
            TargetModules = Selector(json, "target_modules"),
            ExcludeModules = Selector(json, "exclude_modules"),
            ModulesToSave = json.Texts("modules_to_save"),
            EnsureWeightTying = json.Flag("ensure_weight_tying", false),
            UseRslora = json.Flag("use_rslora", false),
            RankPattern = Patterns(json, "rank_pattern", (section, key) => Int(section, key, Defaults.R, Rank)),
            AlphaPattern = Patterns(json, "alpha_pattern", (section, key) => Number(section, key, Defaults.LoraAlpha, Alpha)),
            LayersToTransform = json.Ints("layers_to_transform", 0, int.MaxValue),
            LayersPattern = json.Texts("layers_pattern"),
            BaseModelNameOrPath = json.Text("base_model_name_or_path"),
            Revision = json.Text("revision"),
            TaskType = json.Text("task_type"),
        };
        if (config.LayersToTransform is not null && config.TargetModules is { Pattern: not null })
            throw json.Error("layers_to_transform", "null, as target_modules is one string", "put the layers' numbers into the pattern");
        return config;
    }

    /// <summary>Writes the file as PEFT would: all keys sorted, two spaces, numbers in Python's spelling.</summary>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static void Write(string folder, LoraConfig config) => AtomicFile.WriteAllText(Path.Combine(folder, FileName), ToText(config));

    /// <summary>The file's text, without a line feed at the end, as PEFT leaves it.</summary>
    public static string ToText(LoraConfig config)
    {
        var json = (JsonObject)Template.DeepClone();
        json["alpha_pattern"] = Object(config.AlphaPattern, alpha => Number(alpha, integerWhenWhole: true));
        json["base_model_name_or_path"] = config.BaseModelNameOrPath;
        json["ensure_weight_tying"] = config.EnsureWeightTying;
        json["exclude_modules"] = config.ExcludeModules?.ToJson();
        json["layers_pattern"] = List(config.LayersPattern);
        json["layers_to_transform"] =
            config.LayersToTransform is { } layers ? new JsonArray([.. layers.Select(layer => JsonValue.Create(layer))]) : null;
        json["lora_alpha"] = Number(config.LoraAlpha, integerWhenWhole: true);
        json["lora_dropout"] = Number(config.LoraDropout, integerWhenWhole: false);
        json["modules_to_save"] = List(config.ModulesToSave);
        json["r"] = config.R;
        json["rank_pattern"] = Object(config.RankPattern, rank => rank);
        json["revision"] = config.Revision;
        json["target_modules"] = config.EffectiveTargets.ToJson();
        json["task_type"] = config.TaskType;
        json["use_rslora"] = config.UseRslora;
        return JsonFile.ToText(json).TrimEnd('\n');
    }

    /// <summary>All keys of PEFT 0.21's LoraConfig in sorted order, with the values that never change here.</summary>
    private static JsonObject Template { get; } = new()
    {
        ["alora_invocation_tokens"] = null,
        ["alpha_pattern"] = null,
        ["arrow_config"] = null,
        ["auto_mapping"] = null,
        ["base_model_name_or_path"] = null,
        ["bias"] = "none",
        ["corda_config"] = null,
        ["ensure_weight_tying"] = null,
        ["eva_config"] = null,
        ["exclude_modules"] = null,
        ["fan_in_fan_out"] = false,
        ["inference_mode"] = true,
        ["init_lora_weights"] = true,
        ["kasa_config"] = null,
        ["layer_replication"] = null,
        ["layers_pattern"] = null,
        ["layers_to_transform"] = null,
        ["loftq_config"] = new JsonObject(),
        ["lora_alpha"] = null,
        ["lora_bias"] = false,
        ["lora_dropout"] = null,
        ["lora_ga_config"] = null,
        ["megatron_config"] = null,
        ["megatron_core"] = "megatron.core",
        ["modules_to_save"] = null,
        ["monteclora_config"] = null,
        ["peft_type"] = "LORA",
        ["peft_version"] = PeftVersion,
        ["qalora_group_size"] = 16,
        ["r"] = null,
        ["rank_pattern"] = null,
        ["revision"] = null,
        ["target_modules"] = null,
        ["target_parameters"] = null,
        ["task_type"] = null,
        ["trainable_token_indices"] = null,
        ["use_bdlora"] = null,
        ["use_dora"] = false,
        ["use_qalora"] = false,
        ["use_rslora"] = null,
        ["velora_config"] = null,
    };

    /// <summary>In the folder of an unfinished run, the checkpoint with the most steps that contains an adapter; null if none
    /// does.</summary>
    private static string? NewestCheckpoint(string folder)
    {
        if (!Directory.Exists(folder)) return null;
        return Directory.EnumerateDirectories(folder, "checkpoint-*")
            .Where(checkpoint => File.Exists(Path.Combine(checkpoint, FileName)))
            .OrderBy(checkpoint => checkpoint.Length).ThenBy(checkpoint => checkpoint, StringComparer.Ordinal)
            .LastOrDefault();
    }

    private static int Int(JsonSection json, string key, int fallback, RangeAttribute range) =>
        json.Int(key, fallback, (int)range.Minimum, (int)range.Maximum);

    private static double Number(JsonSection json, string key, double fallback, RangeAttribute range) =>
        json.Number(key, fallback, (double)range.Minimum, (double)range.Maximum);

    private static ModuleSelector? Selector(JsonSection json, string key) => json.Json[key] switch
    {
        null => null,
        JsonArray => ModuleSelector.FromNames([.. json.Texts(key)!]),
        _ => ModuleSelector.FromPattern(json.Text(key)!),
    };

    private static KeyValuePair<string, T>[] Patterns<T>(JsonSection json, string key, Func<JsonSection, string, T> read) =>
        json.Section(key) is { } section
            ? [.. section.Json.Select(pair => new KeyValuePair<string, T>(pair.Key, read(section, pair.Key)))]
            : [];

    private static JsonArray? List(IReadOnlyList<string>? names) =>
        names is null ? null : new JsonArray([.. names.Select(name => JsonValue.Create(name))]);

    private static JsonObject Object<T>(IEnumerable<KeyValuePair<string, T>> pairs, Func<T, JsonNode?> value) =>
        new(pairs.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => new KeyValuePair<string, JsonNode?>(pair.Key, value(pair.Value))));

    // lora_alpha and alpha_pattern are ints in Python, which PEFT's own files show as "8"; a float of whole value is "8.0".
    private static JsonNode? Number(double value, bool integerWhenWhole) => JsonNode.Parse(
        integerWhenWhole && value == Math.Floor(value) ? value.ToString("F0", CultureInfo.InvariantCulture) : PythonFloat.Repr(value));
}
