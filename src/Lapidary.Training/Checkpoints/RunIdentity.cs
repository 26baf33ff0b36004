using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Sources;

namespace Lapidary.Training.Checkpoints;

/// <summary>Everything that the bits of a run depend on, each under its option's name, and the settings that may change when it resumes. A
/// checkpoint records the identity, and a resumed run compares each value.</summary>
internal sealed class RunIdentity
{
    /// <summary>The value of a setting that is not set.</summary>
    public const string None = "none";

    /// <summary>The commit of a base from the Hub. Only for people to read, because the hash of the weights decides.</summary>
    private const string BaseCommit = "base_commit";

    private const string Data = "data", EvalData = "eval_data", Weights = "base_weights", BaseConfig = "base_config";

    private const string Device = "device", WorldSize = "world_size", GlobalBatch = "global_batch_size";

    private const string OldBatch = "per_device_train_batch_size", OldAccumulation = "gradient_accumulation_steps";

    private const string EvalMetric = "eval_metric";

    /// <summary>Settings that may change when a run resumes. A change is reported, not refused.</summary>
    private static readonly string[] Free =
    [
        Device, WorldSize, EvalData, "logging_steps", "save_strategy", "save_steps", "save_total_limit", "eval_strategy", "eval_steps",
        "per_device_eval_batch_size", "load_best_model_at_end", EvalMetric, "eval_metric_rows", "eval_max_new_tokens",
    ];

    private readonly Dictionary<string, string> _fields = [];

    private RunIdentity()
    {
    }

    /// <summary>The identity of a run that is set up.</summary>
    /// <param name="model">The base.</param>
    /// <param name="trained">What to train.</param>
    /// <param name="config">Options.</param>
    /// <param name="train">Rows to train on.</param>
    /// <param name="eval">Rows to evaluate on, or null.</param>
    /// <param name="weights">The hash of the base's weights; null if they do not come from files.</param>
    /// <param name="worldSize">Number of ranks.</param>
    public static RunIdentity Of(
        GemmaModel model, TrainedWeights trained, SftConfig config, PackedDataSet train, PackedDataSet? eval, string? weights,
        int worldSize)
    {
        var identity = new RunIdentity();
        identity.AddData(config, train, eval, worldSize);
        identity.AddBase(model, weights);
        if (trained is Adapter adapter) identity.AddAdapter(adapter, model);
        else identity.Add(MethodFiles.Key, MethodFiles.Of(trained));
        identity.AddOptimizer(config);
        identity.AddFree(config, model, eval is not null, worldSize);
        return identity;
    }

    /// <summary>The values that all ranks of a run must share.</summary>
    public IEnumerable<KeyValuePair<string, string>> SharedFields => _fields.Where(pair => pair.Key is not (Device or BaseCommit));

    /// <summary>The commit of a base from the Hub; null for other bases.</summary>
    public string? Commit => _fields.GetValueOrDefault(BaseCommit);

    /// <summary>The name of the metric that chooses the best checkpoint; null for the loss.</summary>
    public string? Metric => _fields.GetValueOrDefault(EvalMetric);

    /// <summary>A device, with what it computes in where that is not its kind's.</summary>
    public static string DeviceOf(IBackend backend) =>
        backend.ActivationDType == DType.Float16 ? $"{backend.Description}, float16" : backend.Description;

    /// <summary>The hashes, each with its subject and its method.</summary>
    public IEnumerable<(string Key, string Value, string Method)> Hashes => _fields.Where(pair => IsHash(pair.Key)).Select(pair =>
        (pair.Key, pair.Value, pair.Key switch
        {
            Weights => "XXH128 over all bytes of the text part's tensors, by their names; against mistakes, not against forgery",
            BaseConfig => "SHA-256 over the values of config.json that the model is built by",
            _ => "SHA-256 over token ids and labels of all rows, in their order",
        }));

    /// <summary>The hashes of a run's data, which are known before its base is loaded.</summary>
    /// <param name="train">Rows to train on.</param>
    /// <param name="eval">Rows to evaluate on, or null.</param>
    public static IEnumerable<KeyValuePair<string, string>> HashesOf(PackedDataSet train, PackedDataSet? eval)
    {
        yield return new(Data, train.DataFingerprint);
        if (eval is not null) yield return new(EvalData, eval.DataFingerprint);
    }

    /// <summary>Whether a hash is one of <see cref="HashesOf"/>.</summary>
    public static bool IsOfData(string key) => key is Data or EvalData;

    /// <summary>Enough digits of a hash to tell two apart; other values as they are.</summary>
    public static string Short(string key, string value) => IsHash(key) && value.Length > 12 ? value[..12] : value;

    /// <summary>Whether the value of a key is a hash, which tells people nothing.</summary>
    public static bool IsHash(string key) => key is Data or EvalData or Weights or BaseConfig;

    /// <summary>The subject of the hash.</summary>
    public static string NameOfHash(string key) => key switch
    {
        Data => "data (rows, tokens or labels)",
        EvalData => "evaluation data (rows, tokens or labels)",
        Weights => "weights of the base",
        _ => "config.json of the base",
    };

    /// <summary>Reads the JSON of <see cref="ToJson"/>.</summary>
    public static RunIdentity Read(JsonSection json)
    {
        var identity = new RunIdentity();
        foreach (var (key, _) in json.Json)
            identity._fields.Add(key, json.Text(key) ?? throw TrainerState.Damaged(json, key, "a string"));
        identity.Renew();
        return identity;
    }

    /// <summary>Keys and values, all as text.</summary>
    public JsonObject ToJson() => new(_fields.Select(pair => new KeyValuePair<string, JsonNode?>(pair.Key, pair.Value)));

    /// <summary>Refuses to resume from a checkpoint of another run.</summary>
    /// <param name="saved">The identity in the checkpoint.</param>
    /// <param name="checkpoint">Its folder.</param>
    /// <returns>Messages about permitted changes of settings; empty for none.</returns>
    /// <exception cref="LapidaryException">A value that the bits depend on differs. The message names all such values, old and
    /// new.</exception>
    public string Compare(RunIdentity saved, string checkpoint)
    {
        string[] different =
        [
            .. _fields.Keys.Union(saved._fields.Keys).Where(key => key != BaseCommit && ValueOf(key) != saved.ValueOf(key)),
        ];
        string[] refused = [.. different.Except(Free)];
        if (refused.Length == 0)
            return string.Join(", ", different.Select(key => $"{key} {Short(this, key)} (before: {Short(saved, key)})"));
        string values = string.Join("; ", refused.Select(key =>
            $"{key} is {Short(this, key)} here, {Short(saved, key)} in the checkpoint{Hint(key, saved)}"));
        throw new LapidaryException(
            $"{checkpoint}: this checkpoint is of another run: {values}. "
            + ResumedRun.Advice(checkpoint));
    }

    private string ValueOf(string key) => _fields.GetValueOrDefault(key, None);

    private static string Short(RunIdentity of, string key) => Short(key, of.ValueOf(key));

    private string Hint(string key, RunIdentity saved) => key switch
    {
        Data => " (other data: rows, tokens or labels)",
        Weights when saved.ValueOf(BaseCommit) is var then && then != None && then != ValueOf(BaseCommit) =>
            $" (other weights of the base; set model to {then} for those of the checkpoint)",
        Weights => " (other weights of the base)",
        BaseConfig => " (another config.json of the base)",
        GlobalBatch => " (PerDeviceTrainBatchSize × GradientAccumulationSteps × ranks)",
        _ => "",
    };

    /// <summary>Rows of an optimizer step over all ranks.</summary>
    public int GlobalBatchSize => int.Parse(ValueOf(GlobalBatch), CultureInfo.InvariantCulture);

    private void AddData(SftConfig config, PackedDataSet train, PackedDataSet? eval, int worldSize)
    {
        Add(Data, train.DataFingerprint);
        Add("packing", config.EffectivePacking);
        Add("max_length", config.MaxLength);
        Add(GlobalBatch, EffectiveBatch.Of(config, worldSize).Rows);
        Add("seed", config.Seed);
        Add("shuffle", config.Shuffle);
        Add(EvalData, eval?.DataFingerprint);
    }

    private void AddBase(GemmaModel model, string? weights)
    {
        var (options, config) = (model.Options, model.Config);
        bool isStored = config.Quantization is not null;
        Add(Weights, weights);
        if (ModelSource.CachedAs(model.Folder) is { } commit) Add(BaseCommit, commit);
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

    private void AddFree(SftConfig config, GemmaModel model, bool hasEvaluation, int worldSize)
    {
        Add(Device, DeviceOf(model.Backend));
        Add(WorldSize, worldSize);
        Add("logging_steps", config.LoggingSteps);
        Add("save_strategy", config.SaveStrategy);
        Add("save_steps", config.SaveSteps);
        Add("save_total_limit", config.SaveTotalLimit);
        Add("eval_strategy", hasEvaluation ? config.EvalStrategy : IntervalStrategy.No); // as run.yaml has it
        Add("eval_steps", config.EvalSteps);
        Add("per_device_eval_batch_size", config.PerDeviceEvalBatchSize);
        Add("load_best_model_at_end", config.LoadBestModelAtEnd);
        if (!config.HasMetric) return;
        Add(EvalMetric, config.EvalMetric);
        Add("eval_metric_rows", config.EvalMetricRows);
        Add("eval_max_new_tokens", config.EvalMaxNewTokens);
    }

    /// <summary>Converts the record of earlier versions (one rank, batch size and accumulation) into today's form.</summary>
    private void Renew()
    {
        _fields.TryAdd(WorldSize, "1");
        if (_fields.ContainsKey(GlobalBatch) || !Take(OldBatch, out int batch) || !Take(OldAccumulation, out int accumulation)) return;
        Add(GlobalBatch, new EffectiveBatch(batch, accumulation, Ranks: 1).Rows);
    }

    private bool Take(string key, out int value)
    {
        value = 0;
        return _fields.Remove(key, out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    private void Add(string key, object? value)
    {
        if (RunSettings.Format(value) is { } text) _fields.Add(key, text);
    }

    /// <summary>The values of config.json that the forward pass uses, and the tokens that end and pad a row.</summary>
    private static string ConfigFingerprint(GemmaConfig config) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture,
            $"{config.VocabSize} {config.HiddenSize} {config.IntermediateSize} {config.NumHiddenLayers} {config.NumAttentionHeads} "
            + $"{config.NumKeyValueHeads} {config.HeadDim} {config.QueryPreAttnScalar} {config.RmsNormEps} {config.SlidingWindow} "
            + $"{string.Join(',', config.LayerTypes)} {config.RopeTheta} {config.RopeLocalBaseFreq} {config.RopeScalingFactor} "
            + $"{config.TieWordEmbeddings} {config.PadTokenId}"))));
}
