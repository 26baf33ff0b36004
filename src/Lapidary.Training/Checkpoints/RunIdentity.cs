using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;

namespace Lapidary.Training.Checkpoints;

/// <summary>Everything that the bits of a run depend on, each under its option's name, and the settings that may change on the way. A
/// checkpoint records it, and a resumed run compares it one by one.</summary>
internal sealed class RunIdentity
{
    private const string Data = "data", Weights = "base_weights", BaseConfig = "base_config", None = "none";

    /// <summary>What may change where a run goes on: it is said, not refused.</summary>
    private static readonly string[] Free =
    [
        "device", "eval_data", "logging_steps", "save_strategy", "save_steps", "save_total_limit", "eval_strategy", "eval_steps",
        "per_device_eval_batch_size", "load_best_model_at_end",
    ];

    private readonly Dictionary<string, string> _fields = [];

    private RunIdentity()
    {
    }

    /// <summary>The identity of a run that is set up.</summary>
    public static RunIdentity Of(GemmaModel model, Adapter adapter, SftConfig config, PackedDataSet train, PackedDataSet? eval)
    {
        var identity = new RunIdentity();
        identity.AddData(config, train, eval);
        identity.AddBase(model);
        identity.AddAdapter(adapter, model);
        identity.AddOptimizer(config);
        identity.AddFree(eval is null ? config with { EvalStrategy = IntervalStrategy.No } : config, model);
        return identity;
    }

    /// <summary>Reads what <see cref="ToJson"/> gave.</summary>
    public static RunIdentity Read(JsonSection json)
    {
        var identity = new RunIdentity();
        foreach (var (key, _) in json.Json)
            identity._fields.Add(key, json.Text(key) ?? throw TrainerState.Damaged(json, key, "a string"));
        return identity;
    }

    /// <summary>Keys and values, all of them text.</summary>
    public JsonObject ToJson() => new(_fields.Select(pair => new KeyValuePair<string, JsonNode?>(pair.Key, pair.Value)));

    /// <summary>Refuses to go on from a checkpoint of another run.</summary>
    /// <param name="saved">The checkpoint's.</param> <param name="checkpoint">Its folder.</param>
    /// <returns>Settings that have changed and may, in words; empty for none.</returns>
    /// <exception cref="LapidaryException">A value that the bits depend on differs; the message names all that do, with both
    /// values.</exception>
    public string Compare(RunIdentity saved, string checkpoint)
    {
        string[] different = [.. _fields.Keys.Union(saved._fields.Keys).Where(key => ValueOf(key) != saved.ValueOf(key))];
        string[] refused = [.. different.Except(Free)];
        if (refused.Length == 0)
            return string.Join(", ", different.Select(key => $"{key} {Short(this, key)} (before: {Short(saved, key)})"));
        string values = string.Join("; ", refused.Select(key =>
            $"{key} is {Short(this, key)} here, {Short(saved, key)} in the checkpoint{Hint(key)}"));
        throw new LapidaryException(
            $"{checkpoint}: this checkpoint is of another run: {values}. "
            + "Give the same, or start anew with the checkpoint as adapter to train on from its weights.");
    }

    private string ValueOf(string key) => _fields.GetValueOrDefault(key, None);

    /// <summary>A hash is cut to what tells two apart.</summary>
    private static string Short(RunIdentity of, string key) =>
        of.ValueOf(key) is var value && key is Data or Weights or BaseConfig or "eval_data" && value.Length > 12 ? value[..12] : value;

    private static string Hint(string key) => key switch
    {
        Data => " (other data: rows, tokens or labels)",
        Weights => " (other weights of the base)",
        BaseConfig => " (another config.json of the base)",
        _ => "",
    };

    private void AddData(SftConfig config, PackedDataSet train, PackedDataSet? eval)
    {
        Add(Data, train.DataFingerprint);
        Add("packing", config.EffectivePacking);
        Add("max_length", config.MaxLength);
        Add("per_device_train_batch_size", config.PerDeviceTrainBatchSize);
        Add("gradient_accumulation_steps", config.GradientAccumulationSteps);
        Add("seed", config.Seed);
        Add("shuffle", config.Shuffle);
        Add("eval_data", eval?.DataFingerprint);
    }

    private void AddBase(GemmaModel model)
    {
        var (options, config) = (model.Options, model.Config);
        bool isStored = config.Quantization is not null;
        Add(Weights, model.Source?.Fingerprint());
        Add(BaseConfig, ConfigFingerprint(config));
        Add("quantization", isStored ? "nf4, as stored" : options.Quantization);
        if (!isStored && options.Quantization == QuantizationKind.Nf4) Add("double_quant", options.DoubleQuant);
        Add("dtype", options.DType?.ToString().ToLowerInvariant() ?? config.Dtype);
    }

    private void AddAdapter(Adapter adapter, GemmaModel model)
    {
        var lora = adapter.Config;
        Add("lora_r", lora.R);
        Add("lora_alpha", lora.LoraAlpha);
        Add("lora_dropout", lora.LoraDropout);
        Add("use_rslora", lora.UseRslora);
        Add("target_modules", ModuleList.Describe(adapter.TargetedModules, model.Config.NumHiddenLayers));
        Add("modules_to_save", (adapter.Embedding, adapter.Head) switch
        {
            (null, null) => None,
            (not null, null) => "embed_tokens",
            (null, not null) => "lm_head",
            _ => adapter.IsTied ? "embed_tokens and lm_head as one" : "embed_tokens and lm_head",
        });
        if (lora.RankPattern.Count > 0) Add("rank_pattern", string.Join(", ", lora.RankPattern.Select(pair => $"{pair.Key} {pair.Value}")));
        if (lora.AlphaPattern.Count == 0) return;
        Add("alpha_pattern", string.Join(
            ", ", lora.AlphaPattern.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value}"))));
    }

    private void AddOptimizer(SftConfig config)
    {
        Add("learning_rate", config.LearningRate);
        Add("lr_scheduler_type", config.LrSchedulerType);
        if (config.LrSchedulerType != LrSchedulerType.Constant) // which has no warm-up
        {
            if (config.WarmupSteps > 0) Add("warmup_steps", config.WarmupSteps);
            else Add("warmup_ratio", config.WarmupRatio);
        }

        Add("max_grad_norm", config.MaxGradNorm);
        Add("weight_decay", config.WeightDecay);
        Add("adam_beta1", config.AdamBeta1);
        Add("adam_beta2", config.AdamBeta2);
        Add("adam_epsilon", config.AdamEpsilon);
    }

    private void AddFree(SftConfig config, GemmaModel model)
    {
        Add("device", model.Backend.Description);
        Add("logging_steps", config.LoggingSteps);
        Add("save_strategy", config.SaveStrategy);
        Add("save_steps", config.SaveSteps);
        Add("save_total_limit", config.SaveTotalLimit);
        Add("eval_strategy", config.EvalStrategy);
        Add("eval_steps", config.EvalSteps);
        Add("per_device_eval_batch_size", config.PerDeviceEvalBatchSize);
        Add("load_best_model_at_end", config.LoadBestModelAtEnd);
    }

    private void Add(string key, object? value)
    {
        if (RunSettings.Format(value) is { } text) _fields.Add(key, text);
    }

    /// <summary>What the forward pass takes from config.json, and what ends and pads a row.</summary>
    private static string ConfigFingerprint(GemmaConfig config) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture,
            $"{config.VocabSize} {config.HiddenSize} {config.IntermediateSize} {config.NumHiddenLayers} {config.NumAttentionHeads} "
            + $"{config.NumKeyValueHeads} {config.HeadDim} {config.QueryPreAttnScalar} {config.RmsNormEps} {config.SlidingWindow} "
            + $"{string.Join(',', config.LayerTypes)} {config.RopeTheta} {config.RopeLocalBaseFreq} {config.RopeScalingFactor} "
            + $"{config.TieWordEmbeddings} {config.PadTokenId}"))));
}
