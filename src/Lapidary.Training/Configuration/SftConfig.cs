using System.ComponentModel.DataAnnotations;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training.Configuration;

namespace Lapidary.Training;

/// <summary>Options of a supervised fine-tuning run. Names are TRL's SFTConfig; defaults are those of Google's QLoRA guide,
/// and <see cref="Full"/>'s where all weights are trained. Command line, configuration file, help text and checks all come from this
/// record, so a default exists once.</summary>
public sealed record SftConfig
{
    /// <summary>The defaults for training all weights: a learning rate ten times lower, which is TRL's default.</summary>
    public static SftConfig Full { get; } = new() { LearningRate = 2e-5 };

    /// <summary>Folder for the result, checkpoints, trainer_state.json and TensorBoard events.</summary>
    public string OutputDir { get; init; } = "lapidary-output";

    /// <summary>Start over in a folder that contains a run. The old run's files are deleted after the new run's first save.</summary>
    public bool OverwriteOutputDir { get; init; }

    /// <summary>Longest sequence, and length of a packed row, in tokens.</summary>
    [Range(2, 1 << 20)]
    public int MaxLength { get; init; } = 512;

    /// <summary>Put several examples into one row. They never attend to each other.</summary>
    public bool Packing { get; init; } = true;

    /// <summary>bfd (best-fit decreasing; examples stay whole) or wrapped (cut every max_length tokens).</summary>
    public PackingStrategy PackingStrategy { get; init; } = PackingStrategy.Bfd;

    /// <summary>Start texts, prompts and completions with BOS. Conversations get it from their template or the tokenizer.</summary>
    public bool AddSpecialTokens { get; init; } = true;

    /// <summary>Append an end-of-sequence token to each example, as in the guide's dataset_kwargs.</summary>
    public bool AppendConcatToken { get; init; } = true;

    /// <summary>Passes over the data.</summary>
    [Range(0.0, 1e6)]
    public double NumTrainEpochs { get; init; } = 3;

    /// <summary>Total number of optimizer steps. If positive, it overrides the epochs.</summary>
    [Range(-1, int.MaxValue)]
    public int MaxSteps { get; init; } = -1;

    /// <summary>Rows per micro-batch of each device.</summary>
    [Range(1, 4096)]
    public int PerDeviceTrainBatchSize { get; init; } = 1;

    /// <summary>Rows per batch of evaluation.</summary>
    [Range(1, 4096)]
    public int PerDeviceEvalBatchSize { get; init; } = 1;

    /// <summary>Micro-batches per optimizer step. If memory allows, several run as one, with the same result.</summary>
    [Range(1, 65536)]
    public int GradientAccumulationSteps { get; init; } = 4;

    /// <summary>Rows per optimizer step over all devices. It sets the number of micro-batches.</summary>
    [Range(1, int.MaxValue)]
    public int? GlobalBatchSize { get; init; }

    /// <summary>Keep only a layer's input and recompute the layer in the backward pass: true for all layers (least memory, about a third
    /// more work), false for none, auto for as few as memory requires.</summary>
    public GradientCheckpointing GradientCheckpointing { get; init; } = GradientCheckpointing.Auto;

    /// <summary>Peak learning rate.</summary>
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>constant, constant_with_warmup, linear or cosine.</summary>
    public LrSchedulerType LrSchedulerType { get; init; } = LrSchedulerType.Constant;

    /// <summary>Warm-up as a share of all steps, rounded up. Used if <see cref="WarmupSteps"/> is 0.</summary>
    [Range(0.0, 1.0)]
    public double WarmupRatio { get; init; } = 0.03;

    /// <summary>Number of warm-up steps.</summary>
    [Range(0, int.MaxValue)]
    public int WarmupSteps { get; init; }

    /// <summary>Gradients with a larger norm are scaled down to this norm; 0 turns clipping off.</summary>
    [Range(0.0, 1e9)]
    public double MaxGradNorm { get; init; } = 0.3;

    /// <summary>AdamW's decoupled weight decay.</summary>
    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; }

    /// <summary>AdamW's β₁.</summary>
    [Range(0.0, 0.999999)]
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>AdamW's β₂.</summary>
    [Range(0.0, 0.99999999)]
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>AdamW's ε.</summary>
    [Range(1e-30, 1.0)]
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Train on completions only. Default: on for rows with a prompt and a completion.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>Train on the assistant's turns only.</summary>
    public bool AssistantOnlyLoss { get; init; }

    /// <summary>Optimizer steps between log lines.</summary>
    [Range(1, int.MaxValue)]
    public int LoggingSteps { get; init; } = 10;

    /// <summary>When checkpoints are saved.</summary>
    public IntervalStrategy SaveStrategy { get; init; } = IntervalStrategy.Epoch;

    /// <summary>Optimizer steps between checkpoints with save_strategy steps.</summary>
    [Range(1, int.MaxValue)]
    public int SaveSteps { get; init; } = 500;

    /// <summary>Number of checkpoints to keep, including the best one; 0 for all.</summary>
    [Range(0, int.MaxValue)]
    public int SaveTotalLimit { get; init; }

    /// <summary>Where to log in addition to the screen.</summary>
    public ReportTo ReportTo { get; init; } = ReportTo.Tensorboard;

    /// <summary>When the evaluation set is scored.</summary>
    public IntervalStrategy EvalStrategy { get; init; } = IntervalStrategy.Epoch;

    /// <summary>Optimizer steps between evaluations with eval_strategy steps.</summary>
    [Range(1, int.MaxValue)]
    public int EvalSteps { get; init; } = 500;

    /// <summary>What evaluations measure besides the loss. sql_execution is the share of questions to which the model writes SQL that gives
    /// the right rows; the best checkpoint is then chosen by it.</summary>
    public string EvalMetric { get; init; } = LossMetric;

    /// <summary>Evaluation rows that eval_metric has the model answer, drawn by the seed; 0 for all. Answers take much longer than
    /// losses.</summary>
    [Range(0, int.MaxValue)]
    public int EvalMetricRows { get; init; } = 200;

    /// <summary>Most tokens of an answer for eval_metric.</summary>
    [Range(1, 1 << 20)]
    public int EvalMaxNewTokens { get; init; } = 256;

    /// <summary>Evaluate before the first step too. Default: on with an eval_metric, so that the result has a value before it.</summary>
    public bool? EvalOnStart { get; init; }

    /// <summary>Use the checkpoint with the best evaluation (the lowest loss, or the best eval_metric) as the result instead of the last
    /// one. Evaluations and checkpoints must be at the same steps.</summary>
    public bool LoadBestModelAtEnd { get; init; }

    /// <summary>Use a new order of rows in each epoch.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Seed of the adapter's initial values, the order of rows, and dropout.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>The <see cref="EvalMetric"/> that needs no metric of its own.</summary>
    internal const string LossMetric = "loss";

    /// <summary>Whether evaluations measure more than the loss.</summary>
    internal bool HasMetric => EvalMetric != LossMetric;

    /// <summary>How rows are formed: <see cref="PackingStrategy"/> if packing is on.</summary>
    internal PackingStrategy EffectivePacking => Packing ? PackingStrategy : PackingStrategy.None;

    /// <summary>The optimizer's constants.</summary>
    internal AdamWOptions AdamW => new(AdamBeta1, AdamBeta2, AdamEpsilon, WeightDecay);

    /// <summary>How examples are made from rows.</summary>
    internal ExampleOptions Examples => new()
    {
        MaxLength = MaxLength,
        Packing = EffectivePacking,
        CompletionOnlyLoss = CompletionOnlyLoss,
        AssistantOnlyLoss = AssistantOnlyLoss,
        AddSpecialTokens = AddSpecialTokens,
        AppendConcatToken = AppendConcatToken,
    };

    /// <summary>The options as so many ranks use them: where <see cref="GlobalBatchSize"/> is given, with the accumulation that makes it
    /// up.</summary>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="accumulationIsGiven">Whether <see cref="GradientAccumulationSteps"/> is the user's choice, which must then fit, rather
    /// than to be set.</param>
    /// <exception cref="LapidaryException">No accumulation makes it up, or the one given does not; the message says what
    /// would.</exception>
    public SftConfig ForRanks(int worldSize, bool accumulationIsGiven = false)
    {
        if (GlobalBatchSize is not { } global) return this;
        long rows = (long)PerDeviceTrainBatchSize * worldSize, given = rows * GradientAccumulationSteps;
        string ranks = worldSize == 1 ? "" : $" × {worldSize} ranks";
        if (accumulationIsGiven && given != global)
        {
            throw new LapidaryException(
                $"GlobalBatchSize is {global}, but {PerDeviceTrainBatchSize} PerDeviceTrainBatchSize × {GradientAccumulationSteps} "
                + $"GradientAccumulationSteps{ranks} is {given}; leave GradientAccumulationSteps out, or set GlobalBatchSize to "
                + $"{given}.");
        }

        if (global % rows == 0)
        {
            var config = this with { GradientAccumulationSteps = (int)(global / rows) };
            RecordLimits.Check(config);
            return config;
        }

        long below = global / rows * rows;
        string choices = $"{(below > 0 ? $"{below} or " : "")}{below + rows}";
        if (global % worldSize != 0)
        {
            throw new LapidaryException(
                $"GlobalBatchSize: expected a multiple of {rows}, which is {PerDeviceTrainBatchSize} PerDeviceTrainBatchSize{ranks}, "
                + $"found {global}; set it to {choices}.");
        }

        int fits = PerDeviceTrainBatchSize;
        while (global / worldSize % fits != 0) fits--;
        throw new LapidaryException(
            $"GlobalBatchSize: expected a multiple of {rows}, which is {PerDeviceTrainBatchSize} PerDeviceTrainBatchSize{ranks}, "
            + $"found {global}; set it to {choices}, or PerDeviceTrainBatchSize to {fits}.");
    }

    /// <summary>Checks ranges and combinations.</summary>
    /// <param name="hasEvaluation">Whether there is an evaluation set.</param>
    /// <exception cref="LapidaryException">One does not hold; the message names the option's key.</exception>
    public void Validate(bool hasEvaluation)
    {
        RecordLimits.Check(this);
        if (string.IsNullOrWhiteSpace(OutputDir)) throw new LapidaryException("OutputDir must name a folder, got nothing.");
        if (NumTrainEpochs == 0 && MaxSteps <= 0)
            throw new LapidaryException("NumTrainEpochs must be above 0 where MaxSteps is not given, got 0: nothing would be trained.");
        if (HasMetric) ValidateMetric(hasEvaluation);
        if (!LoadBestModelAtEnd) return;
        if (!hasEvaluation)
            throw new LapidaryException("LoadBestModelAtEnd needs an evaluation set; give eval_dataset or test_size.");
        bool savesWhenItEvaluates = EvalStrategy == SaveStrategy && EvalStrategy != IntervalStrategy.No
            && (EvalStrategy != IntervalStrategy.Steps || SaveSteps % EvalSteps == 0);
        if (!savesWhenItEvaluates)
        {
            throw new LapidaryException(
                "LoadBestModelAtEnd needs a checkpoint at every evaluation; "
                + "set SaveStrategy and EvalStrategy (and their steps) alike.");
        }
    }

    private void ValidateMetric(bool hasEvaluation)
    {
        if (string.IsNullOrWhiteSpace(EvalMetric)) throw new LapidaryException("EvalMetric must name a metric, got nothing.");
        if (!hasEvaluation) throw new LapidaryException("EvalMetric needs an evaluation set; give eval_dataset or test_size.");
        if (EvalStrategy == IntervalStrategy.No)
        {
            throw new LapidaryException(
                "EvalMetric is measured at evaluations, of which there are none; set EvalStrategy to epoch or steps.");
        }
    }
}
