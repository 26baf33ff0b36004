using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests;

/// <summary>A run goes on as itself or not at all.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly string _root = Fixtures.TemporaryFolder();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Checkpoint => Path.Combine(_root, "out", "checkpoint-2");

    private SftConfig Config => TrainerRun.Small() with
    {
        OutputDir = Path.Combine(_root, "out"),
        MaxSteps = 2,
        SaveStrategy = IntervalStrategy.Steps,
        SaveSteps = 1,
        LrSchedulerType = LrSchedulerType.ConstantWithWarmup,
        ReportTo = ReportTo.None,
    };

    private static LoraConfig Lora => LoraConfig.Guide with
    {
        R = 4,
        LoraDropout = 0,
        ModulesToSave = null,
        TargetModules = ModuleSelector.FromNames("q_proj", "v_proj"),
    };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<string, Func<SftConfig, SftConfig>> OtherOptions => new()
    {
        { "learning_rate is 0.002 here, 0.001 in the checkpoint", config => config with { LearningRate = 2e-3 } },
        { "lr_scheduler_type is cosine here, constant_with_warmup", config => config with { LrSchedulerType = LrSchedulerType.Cosine } },
        { "warmup_steps is 3 here, none", config => config with { WarmupSteps = 3 } },
        { "warmup_ratio is 0.5 here, 0.03", config => config with { WarmupRatio = 0.5 } },
        { "max_grad_norm is 1 here, 0.3", config => config with { MaxGradNorm = 1 } },
        { "weight_decay is 0.1 here, 0", config => config with { WeightDecay = 0.1 } },
        { "adam_beta1 is 0.8 here, 0.9", config => config with { AdamBeta1 = 0.8 } },
        { "adam_beta2 is 0.99 here, 0.999", config => config with { AdamBeta2 = 0.99 } },
        { "adam_epsilon is 1E-06 here, 1E-08", config => config with { AdamEpsilon = 1e-6 } },
        { "max_length is 100 here, 512", config => config with { MaxLength = 100 } },
        { "packing is bfd here, none", config => config with { Packing = true } },
        { "global_batch_size is 2 here, 1", config => config with { PerDeviceTrainBatchSize = 2 } },
        { "global_batch_size is 2 here, 1", config => config with { GradientAccumulationSteps = 2 } },
        { "seed is 43 here, 42", config => config with { Seed = 43 } },
        { "shuffle is false here, true", config => config with { Shuffle = false } },
    };

    public static TheoryData<string, Func<LoraConfig, LoraConfig>> OtherAdapters => new()
    {
        { "lora_r is 8 here, 4", lora => lora with { R = 8 } },
        { "lora_alpha is 32 here, 16", lora => lora with { LoraAlpha = 32 } },
        { "lora_dropout is 0.5 here, 0", lora => lora with { LoraDropout = 0.5 } },
        { "use_rslora is true here, false", lora => lora with { UseRslora = true } },
        {
            "target_modules is k_proj, v_proj here, q_proj, v_proj",
            lora => lora with { TargetModules = ModuleSelector.FromNames("k_proj", "v_proj") }
        },
        { "(layers 0)", lora => lora with { LayersToTransform = [0] } },
        { "modules_to_save is lm_head here, none", lora => lora with { ModulesToSave = ["lm_head"], EnsureWeightTying = false } },
        { "rank_pattern is q_proj 2 here, none", lora => lora with { RankPattern = [new("q_proj", 2)] } },
        { "alpha_pattern is q_proj 2.5 here, none", lora => lora with { AlphaPattern = [new("q_proj", 2.5)] } },
    };

    [Theory]
    [MemberData(nameof(OtherOptions), DisableDiscoveryEnumeration = true)]
    public void Train_WithAnotherOption_IsRefusedByNameAndBothValues(string words, Func<SftConfig, SftConfig> change) =>
        AssertRefused(words, config: change(Config));

    [Theory]
    [MemberData(nameof(OtherAdapters), DisableDiscoveryEnumeration = true)]
    public void Train_WithAnotherAdapter_IsRefusedByNameAndBothValues(string words, Func<LoraConfig, LoraConfig> change) =>
        AssertRefused(words, lora: change(Lora));

    [Fact]
    public void Train_WithOtherDataQuantizationOrWeights_IsRefused()
    {
        AssertRefused("other data", rows: TrainerRun.RandomRows(9));
        AssertRefused("quantization is nf4 here, none", quantization: QuantizationKind.Nf4);
        AssertRefused("other weights of the base", folder: OtherWeights());
        AssertRefused("another config.json", folder: OtherConfig());
    }

    [Fact]
    public void Train_WithWhatNoBitDependsOn_GoesOnAndSaysSo()
    {
        Begin();
        var messages = new Messages();
        var state = Resume(Config with { MaxSteps = 4, LoggingSteps = 2, SaveSteps = 3 }, observer: messages);

        Assert.Equal(4, state.GlobalStep);
        Assert.Contains(messages.All, text => text.Contains("logging_steps 2 (before: 1)", StringComparison.Ordinal));
        Assert.Contains(messages.All, text => text.Contains("save_steps 3 (before: 1)", StringComparison.Ordinal));
        Assert.Contains(messages.All, text => text.Contains("now 4 steps long, before 2", StringComparison.Ordinal));
    }

    /// <summary>run.yaml records "no" where there are no rows to evaluate on, and is given on resuming.</summary>
    [Fact]
    public void Train_WithoutRowsToEvaluateOn_SaysNothingOfTheEvaluations()
    {
        Begin(Config with { EvalStrategy = IntervalStrategy.Epoch });
        var messages = new Messages();
        Resume(Config with { EvalStrategy = IntervalStrategy.No }, observer: messages);
        Assert.DoesNotContain(messages.All, text => text.Contains("eval_strategy", StringComparison.Ordinal));
    }

    [Fact]
    public void Train_ToFewerStepsThanTheCheckpointHas_IsRefused()
    {
        AssertRefused("MaxSteps: expected at least 2", config: Config with { MaxSteps = 1 });
        Assert.Equal(2, Resume(Config).GlobalStep);
    }

    [Theory]
    [InlineData("trainer_state.json", "global_step", "1", "global_step: expected 2")]
    [InlineData("trainer_state.json", "global_step", "-1", "global_step")]
    [InlineData("trainer_state.json", "global_step", "null", "global_step")]
    [InlineData("trainer_state.json", "log_history", "null", "")]
    [InlineData("lapidary_state.json", "global_step", "1", "global_step: expected 1")]
    [InlineData("lapidary_state.json", "global_step", "\"2\"", "global_step")]
    [InlineData("lapidary_state.json", "rows_per_run", "0", "rows_per_run")]
    [InlineData("lapidary_state.json", "max_logits_bytes", "-5", "max_logits_bytes")]
    [InlineData("lapidary_state.json", "pending", "null", "pending")]
    [InlineData("lapidary_state.json", "pending", "{\"steps\": -1}", "pending.steps")]
    [InlineData("lapidary_state.json", "identity", "[]", "identity")]
    [InlineData("lapidary_state.json", "identity", "{\"seed\": 42}", "identity.seed")]
    [InlineData("lapidary_state.json", "version", "2", "a later Lapidary")]
    [InlineData("lapidary_state.json", "version", "null", "version")]
    public void Train_OfADoctoredState_IsOneClearLine(string file, string key, string value, string words)
    {
        Begin();
        Change(file, json => json[key] = JsonNode.Parse(value));

        if (words.Length == 0)
        {
            Assert.Equal(2, Resume(Config).GlobalStep); // no log is a log without entries
            return;
        }

        var error = Assert.Throws<LapidaryException>(() => Resume(Config));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>A checkpoint of 0.1 has all in trainer_state.json, and one hash over what it compares.</summary>
    [Fact]
    public void Train_OnFromACheckpointOf01_SaysWhatCannotBeChecked_AndGivesTheSameBits()
    {
        Begin(Config with { MaxSteps = 4, OutputDir = Path.Combine(_root, "whole") });
        Begin();
        MakeOld();
        var messages = new Messages();

        Resume(Config with { MaxSteps = 4 }, observer: messages);

        Assert.Contains(messages.All, text => text.Contains("of version 0.1", StringComparison.Ordinal));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_root, "whole", "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(_root, "out", "adapter_model.safetensors")));
    }

    [Fact]
    public void Train_OnFromACheckpointOf01_OfOtherDataOrRank_IsRefused()
    {
        Begin();
        MakeOld();
        AssertRefused("other data", rows: TrainerRun.RandomRows(9), begins: false);
        AssertRefused("lora_alpha is 32 here, 16", lora: Lora with { LoraAlpha = 32 }, begins: false);
        Change("trainer_state.json", json => json["global_step"] = 1);
        AssertRefused("global_step: expected 2", begins: false);
    }

    [Fact]
    public void Train_OnFromACheckpointOfAnotherProgram_IsRefused()
    {
        Begin();
        File.Delete(Path.Combine(Checkpoint, "lapidary_state.json"));
        AssertRefused("made by another program", begins: false);
        File.Delete(Path.Combine(Checkpoint, "optimizer.safetensors"));
        AssertRefused("found no optimizer.safetensors", begins: false);
    }

    private void AssertRefused(
        string words, SftConfig? config = null, LoraConfig? lora = null, ExampleSet? rows = null,
        QuantizationKind quantization = QuantizationKind.None, string? folder = null, bool begins = true)
    {
        if (begins && !Directory.Exists(Checkpoint)) Begin();
        string[] before = Contents();
        using var run = new TrainerRun(
            TestDevice.Cpu, config ?? Config, rows ?? TrainerRun.RandomRows(8), null, lora: lora ?? Lora, quantization: quantization,
            folder: folder);

        var error = Assert.Throws<LapidaryException>(() => run.Trainer.Train(Checkpoint, Token));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Contents());
    }

    private void Begin(SftConfig? config = null)
    {
        using var run = new TrainerRun(TestDevice.Cpu, config ?? Config, TrainerRun.RandomRows(8), null, lora: Lora);
        run.Trainer.Train(cancellationToken: Token);
    }

    private TrainerState Resume(SftConfig config, ITrainingObserver? observer = null)
    {
        using var run = new TrainerRun(TestDevice.Cpu, config, TrainerRun.RandomRows(8), null, lora: Lora, observer: observer);
        return run.Trainer.Train(Checkpoint, Token);
    }

    /// <summary>Puts a checkpoint into the layout of 0.1.</summary>
    private void MakeOld()
    {
        string path = Path.Combine(Checkpoint, "lapidary_state.json");
        var ours = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        File.Delete(path);
        var data = new PackedDataSet(TrainerRun.RandomRows(8), PackingStrategy.None, 512, padTokenId: 0);
        Change("trainer_state.json", json =>
        {
            json["num_tokens"] = json["num_input_tokens_seen"]!.DeepClone();
            foreach (string key in new[] { "rows_per_run", "max_logits_bytes", "pending" }) json[key] = ours[key]!.DeepClone();
            json["fingerprint"] = data.OldFingerprint(Config);
            foreach (string key in new[] { "num_input_tokens_seen", "train_batch_size", "total_flos", "logging_steps" }) json.Remove(key);
        });
    }

    private void Change(string file, Action<JsonObject> change)
    {
        string path = Path.Combine(Checkpoint, file);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    /// <summary>The same names and shapes, one bit of one weight apart.</summary>
    private string OtherWeights()
    {
        string folder = CopyOfModel("weights"), path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^3] ^= 1;
        File.WriteAllBytes(path, bytes);
        return folder;
    }

    private string OtherConfig()
    {
        string folder = CopyOfModel("config"), path = Path.Combine(folder, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json["rms_norm_eps"] = 1e-5;
        File.WriteAllText(path, json.ToJsonString());
        return folder;
    }

    private string CopyOfModel(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
        foreach (string file in Directory.GetFiles(Fixtures.Path("tiny/model")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }

    private string[] Contents() =>
    [
        .. Directory.GetFiles(Config.OutputDir, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => file + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))),
    ];

    private sealed class Messages : ITrainingObserver
    {
        public List<string> All { get; } = [];

        public void OnMessage(string message) => All.Add(message);
    }
}
