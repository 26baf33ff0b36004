using System.Text.Json;
using Lapidary.Cli.Cards;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>A training run set up on a backend that only counts: its memory, before a weight is read.</summary>
/// <param name="Device">The planned device.</param>
/// <param name="Memory">The plan.</param>
/// <param name="LargestBatchSize">The largest --per-device-train-batch-size that fits in one pass.</param>
internal sealed record PlannedRun(string Device, MemoryPlan Memory, int LargestBatchSize)
{
    /// <summary>The GPU's features; null for the CPU.</summary>
    public ComputeCapability? Gpu { get; private init; }

    /// <summary>Number of trained LoRA values, as stored in memory.</summary>
    public long LoraValues { get; private init; }

    /// <summary>Number of trained values of each module that is saved whole.</summary>
    public IReadOnlyList<long> SavedValues { get; private init; } = [];

    /// <summary>Number of those that are tables of token ids.</summary>
    public long TableValues { get; private init; }

    /// <summary>Whether the layers' matrices are trained.</summary>
    public bool TrainsLayers { get; private init; }

    /// <summary>Whether the head is one of them, or tied to one.</summary>
    public bool TrainsHead { get; private init; }

    /// <summary>Plans a run.</summary>
    /// <param name="model">The command's settings.</param>
    /// <param name="values">Their values.</param>
    /// <param name="worldSize">Number of ranks; the plan is for one of them.</param>
    /// <param name="config">Options.</param>
    /// <param name="sizes">config.json.</param>
    /// <param name="data">Rows, or null for full ones.</param>
    /// <param name="lora">The adapter; null if all weights are trained.</param>
    /// <param name="freeBytes">Memory to plan for; null for the device's free memory.</param>
    /// <param name="card">The card, in place of the device in the settings.</param>
    /// <exception cref="UsageException">The device does not exist and no memory is given.</exception>
    public static PlannedRun Create(
        ModelSettings model, SettingValues values, int worldSize, SftConfig config, GemmaConfig sizes, TrainingData? data,
        LoraConfig? lora, long? freeBytes, GpuCard? card = null) =>
        With(
            model, values, card is null ? DeviceSettings.GpusToPlan(values) : [0], worldSize, config, sizes, data, lora,
            freeBytes ?? card?.FreeBytes, card,
            (backend, weights, planner) =>
        {
            var trained = TrainedValues.Of(weights);
            return new PlannedRun(DeviceSettings.Describe(backend), planner.Plan(), planner.LargestBatchSize())
            {
                Gpu = (backend as CudaBackend)?.Device.ComputeCapability,
                LoraValues = trained.Lora,
                SavedValues = trained.Saved,
                TableValues = trained.InTables,
                TrainsHead = weights.Head is not null,
                TrainsLayers = lora is null,
            };
        });

    /// <summary>Only the plan of a run, over given rows or full ones, on the devices of this process's ranks.</summary>
    /// <exception cref="LapidaryException">A device does not exist or cannot be used.</exception>
    public static MemoryPlan PlanOf(
        ModelSettings model, SettingValues values, RankTeam team, SftConfig config, GemmaConfig sizes, TrainingData? data,
        LoraConfig? lora)
    {
        DeviceSettings.Require(team.Gpus, values);
        return With(
            model, values, team.Gpus, team.WorldSize, config, sizes, data, lora, team.FreeBytes, card: null,
            (_, _, planner) => planner.Plan());
    }

    /// <summary>Shows the plan to people.</summary>
    /// <param name="people">The output.</param>
    /// <param name="line">Converts a library's text to a line of this command.</param>
    public void Show(TextWriter people, Func<string, string> line)
    {
        var (steps, predicted) = (Memory.Steps, Memory.Predicted);
        people.WriteLine($"device     {Device}");
        people.WriteLine($"memory     {ByteSize.Format(predicted.TotalBytes)} of {ByteSize.Format(Memory.BudgetBytes)} "
            + "that a run can take: " + (Memory.Fits ? "fits" : "does not fit"));
        foreach (var owner in predicted.Owners) people.WriteLine($"           {ByteSize.Format(predicted[owner]),10}  {Describe(owner)}");
        foreach (string note in Memory.Notes()) people.WriteLine($"note       {line(note)}");
        people.WriteLine($"steps      {Memory.RunTokens:N0} tokens at a time, "
            + $"{steps.RecomputedLayers} of {Memory.Layers} layers computed again on the way back, "
            + $"{ByteSize.Format(steps.MaxLogitsBytes)} of logits at most");
        people.WriteLine(LargestBatchSize > 0
            ? $"largest    --per-device-train-batch-size {LargestBatchSize} fits at a time; larger ones run in parts"
            : "largest    no --per-device-train-batch-size fits");
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        var steps = Memory.Steps;
        json.WriteString("device", Device);
        json.WriteBoolean("fits", Memory.Fits);
        json.WriteNumber("budget_bytes", Memory.BudgetBytes);
        json.WriteNumber("predicted_bytes", Memory.Predicted.TotalBytes);
        json.WriteStartObject("parts");
        foreach (var owner in Memory.Predicted.Owners) json.WriteNumber(SettingText.Snake(owner.ToString()), Memory.Predicted[owner]);
        json.WriteEndObject();
        json.WriteNumber("step_rows", Memory.StepRows);
        json.WriteNumber("batch_rows", Memory.Batch.PerDevice);
        json.WriteNumber("rows_per_run", steps.RowsPerRun);
        json.WriteNumber("run_tokens", Memory.RunTokens);
        json.WriteNumber("layers", Memory.Layers);
        json.WriteNumber("recomputed_layers", steps.RecomputedLayers);
        json.WriteNumber("max_logits_bytes", steps.MaxLogitsBytes);
        json.WriteNumber("largest_per_device_train_batch_size", LargestBatchSize);
    }

    private static T With<T>(
        ModelSettings settings, SettingValues values, IReadOnlyList<int> gpus, int worldSize, SftConfig config, GemmaConfig sizes,
        TrainingData? data, LoraConfig? lora, long? freeBytes, GpuCard? card, Func<IBackend, TrainedWeights, MemoryPlanner, T> plan)
    {
        var computing = settings.Computing(values);
        using var counter = card?.CreateCounter(computing) ?? DeviceSettings.CreateCounter(gpus, values, computing);
        long budget = MemoryPlanner.UsableBytes(freeBytes ?? DeviceSettings.FreeBytesToPlan(gpus, values));
        using var model = GemmaModel.Skeleton(sizes, counter, Options());
        using TrainedWeights weights = lora is null ? FullWeights.Skeleton(model) : Adapter.Skeleton(model, lora);
        return plan(counter, weights, data is null
            ? new MemoryPlanner(model, weights, config, budget, worldSize)
            : new MemoryPlanner(model, weights, config, data.Train, data.Evaluation, budget, worldSize, data.Metric));

        ModelOptions Options() => lora is null
            ? settings.Options(values) with { Quantization = QuantizationKind.None, LoadOnUse = true }
            : settings.Options(values);
    }

    private string Describe(MemoryOwner owner) => owner switch
    {
        MemoryOwner.Base => TrainsLayers ? "base: its own norms" : "base: frozen weights",
        MemoryOwner.Parameters => TrainsLayers ? "parameters: all weights, in float32" : "parameters: trained matrices",
        MemoryOwner.Gradients => "gradients",
        MemoryOwner.Optimizer => "optimizer: two moments",
        MemoryOwner.Activations => "activations and their gradients",
        MemoryOwner.Workspace => "workspace: logits, scratch of operations",
        MemoryOwner.DecodedWeights => "decoded weights, kept between uses",
        MemoryOwner.Exchange => "exchange: buffers between ranks",
        MemoryOwner.KvCache => "keys and values of the texts of eval_metric",
        _ => SettingText.Snake(owner.ToString()),
    };
}
