using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Runs;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Scaling;

/// <summary>The cost and gain of a planned run on several ranks, each with the work of a single rank.</summary>
/// <param name="Step">The step of all ranks.</param>
/// <param name="Link">The link between the ranks.</param>
/// <param name="IsAssumedLink">Whether the link is assumed because the user gave none.</param>
/// <param name="RanksPerNode">Ranks on a machine.</param>
/// <param name="Config">The trainer's options, of each rank.</param>
/// <param name="Rows">Training rows after packing; null if unknown.</param>
/// <param name="MemoryBytes">Memory of one rank.</param>
internal sealed record ScalingPlan(
    ScaledStep Step, Link Link, bool IsAssumedLink, int RanksPerNode, SftConfig Config, int? Rows, long MemoryBytes)
{
    /// <summary>Speed per rank below which more accumulation is suggested.</summary>
    private const double WorthIt = 0.9;

    private const int MaxMoreAccumulation = 64;

    /// <summary>Plans a run of several ranks.</summary>
    /// <param name="run">The command.</param>
    /// <param name="planned">One rank's part.</param>
    /// <param name="config">Options.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="data">Rows, or null for full ones.</param>
    /// <exception cref="UsageException">The device is unknown, and the values that would replace it are not given.</exception>
    public static ScalingPlan Create(CommandRun run, PlannedRun planned, SftConfig config, GemmaConfig sizes, TrainingData? data)
    {
        var values = run.Values;
        int ranks = values.Get(ScalingSettings.WorldSize), perNode = values.Get(ScalingSettings.GpusPerNode);
        var (given, milliseconds) = (values.Get(ScalingSettings.Link), values.Get(ScalingSettings.StepMilliseconds));
        if (planned.Gpu is null && given is null) throw Unknown(run, planned, ScalingSettings.Link, "such as --link 5GB/s");
        double tokens = planned.Memory.StepRows * (data is null ? config.MaxLength : (double)data.Report.Tokens / data.Report.Sequences);
        double seconds = milliseconds / 1000 ?? StepEstimate.Seconds(planned, sizes, tokens)
            ?? throw Unknown(run, planned, ScalingSettings.StepMilliseconds, "as bench measures it");
        var link = given ?? (ExchangeCost.NodesOf(ranks, perNode) == 1 ? Link.NvLink : Link.Network);
        var alone = new RankStep(
            seconds, milliseconds is null, tokens, planned.LoraValues, planned.SavedValues,
            planned.Gpu is null ? null : StepEstimate.MemoryBytesPerSecond)
        {
            Tables = TokenTables.Of(
                planned.TableValues, sizes, planned.TrainsLayers,
                runs: (planned.Memory.StepRows + planned.Memory.Steps.RowsPerRun - 1) / planned.Memory.Steps.RowsPerRun),
        };
        return new ScalingPlan(
            alone.Across(ExchangeCost.Of(ranks, perNode, link)), link, given is null, perNode, config, data?.Report.Sequences,
            planned.Memory.Predicted.TotalBytes)
        {
            TrainsLayers = planned.TrainsLayers,
        };
    }

    /// <summary>Whether all weights are trained.</summary>
    public bool TrainsLayers { get; private init; }

    /// <summary>Whether ranks are GPUs.</summary>
    public bool IsGpu => Step.Alone.MemoryBytesPerSecond is not null;

    /// <summary>Rows of an optimizer step of all ranks.</summary>
    public long BatchRows => (long)Config.PerDeviceTrainBatchSize * Config.GradientAccumulationSteps * Step.Cost.Ranks;

    /// <summary>Optimizer steps in which every row is seen once; null if the number of rows is unknown.</summary>
    public long? StepsPerEpoch => (Rows + BatchRows - 1) / BatchRows;

    /// <summary>Notes on what the user may not expect.</summary>
    public IEnumerable<string> Notes()
    {
        if (IsAssumedLink) yield return $"--link is not given: {Link} is assumed between the ranks.";
        if (Step.Alone.IsEstimate)
            yield return "one rank's step is estimated for an H100; give the time that bench measures as --step-ms.";
        if (Step.HiddenSeconds > 0)
        {
            var processes = Step.Alone.Across(Step.Cost with { GathersBeside = false });
            yield return "the ranks are taken for threads of one process (--device cuda:all), whose GPUs read each other's memory; as "
                + $"processes, a step takes {Milliseconds(processes.Seconds)}, {processes.Efficiency:P0}.";
        }

        if (MoreAccumulation() is { } more)
        {
            int steps = Config.GradientAccumulationSteps * more.Factor;
            yield return $"an optimizer step exchanges the same whatever its rows: --gradient-accumulation-steps {steps} "
                + $"would give {more.Efficiency:P0} of the ranks' speed instead of {Step.Efficiency:P0}, "
                + $"with {BatchRows * more.Factor:N0} rows a step.";
        }

        if (Rows < BatchRows)
            yield return $"an optimizer step takes {BatchRows:N0} rows and there are {Rows:N0}: some ranks have nothing to do.";
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject("scaling");
        json.WriteNumber("world_size", Step.Cost.Ranks);
        json.WriteNumber("nodes", Step.Cost.Nodes);
        json.WriteString("link", Link.Name);
        json.WriteNumber("link_bytes_per_second", Step.Cost.BytesPerSecond);
        json.WriteNumber("rank_predicted_bytes", MemoryBytes);
        json.WriteNumber("batch_rows", BatchRows);
        json.WriteNumber("batch_tokens", Step.Alone.Tokens * Step.Cost.Ranks);
        if (StepsPerEpoch is { } steps) json.WriteNumber("steps_per_epoch", steps);
        json.WriteNumber("all_reduce_bytes", Step.Alone.LoraBytes);
        json.WriteNumber("reduce_scatter_bytes", Step.Alone.SavedBytes);
        json.WriteNumber("all_gather_bytes", Step.Alone.SavedBytes);
        json.WriteNumber("rank_step_seconds", Step.Alone.Seconds);
        json.WriteBoolean("rank_step_is_estimate", Step.Alone.IsEstimate);
        WriteStep(json, Step);
        json.WriteStartArray("table");
        foreach (var (link, step) in ScalingTable.Of(this))
        {
            json.WriteStartObject();
            json.WriteString("link", link.Name);
            json.WriteNumber("world_size", step.Cost.Ranks);
            WriteStep(json, step);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Shows the plan to people.</summary>
    public void Show(TextWriter people)
    {
        var (alone, cost) = (Step.Alone, Step.Cost);
        people.WriteLine($"ranks      {cost.Ranks:N0} on {Amount.Grouped(cost.Nodes, "machine")}, joined by {Link}; "
            + $"{ByteSize.Format(MemoryBytes)} each");
        people.WriteLine($"batch      {Config.PerDeviceTrainBatchSize} per device × accumulation {Config.GradientAccumulationSteps} × "
            + $"{cost.Ranks:N0} ranks = {BatchRows:N0} rows, {alone.Tokens * cost.Ranks:N0} tokens an optimizer step"
            + (StepsPerEpoch is { } steps ? $"; {Amount.Grouped(steps, "step")} an epoch" : ""));
        var (shared, divided) = TrainsLayers ? ("norms", "matrices") : ("LoRA", "saved modules");
        if (alone.LoraValues > 0)
        {
            people.WriteLine(
                $"exchange   {ByteSize.Format(alone.LoraBytes)} of {shared} all-reduced: {Milliseconds(Step.AllReduceSeconds)}");
        }

        if (alone.SavedValues.Count > 0)
        {
            string size = ByteSize.Format(alone.SavedBytes);
            people.WriteLine($"           {size} of {divided} reduce-scattered: {Milliseconds(Step.ReduceScatterSeconds)}");
            people.WriteLine($"           {size} of {divided} all-gathered: {Milliseconds(Step.AllGatherSeconds)}"
                + $", {(Step.HiddenSeconds > 0 ? Milliseconds(Step.HiddenSeconds) : "none")} of it beside the next step's layers");
            if (Step.FetchSeconds > 0)
                people.WriteLine($"           rows of the next step's tokens fetched before them: {Milliseconds(Step.FetchSeconds)}");
        }

        people.WriteLine($"step       {Milliseconds(alone.Seconds)} of one rank alone{(alone.IsEstimate ? ", estimated" : "")}"
            + (Step.UpdateSecondsSaved > 0 ? $", less {Milliseconds(Step.UpdateSecondsSaved)} of AdamW that others do" : "")
            + $": {Milliseconds(Step.Seconds)} with {cost.Ranks:N0}");
        people.WriteLine($"speed      {Step.TokensPerSecond:N0} tokens/s, {Step.Efficiency:P0} of {cost.Ranks:N0} times one rank's");
        foreach (string line in ScalingTable.Lines(this)) people.WriteLine($"           {line}");
    }

    /// <summary>The factor for the accumulation that makes exchanges cheap; null if they are cheap already, or never would be.</summary>
    private (int Factor, double Efficiency)? MoreAccumulation()
    {
        double update = Step.Alone.UpdateSeconds;
        for (int factor = 1; factor <= MaxMoreAccumulation; factor *= 2)
        {
            var longer = Step.Alone with
            {
                Seconds = factor * Math.Max(0, Step.Alone.Seconds - update) + update,
                Tokens = factor * Step.Alone.Tokens,
                Tables = Step.Alone.Tables is { } tables ? tables with { ForwardShare = tables.ForwardShare / factor } : null,
            };
            if (longer.Across(Step.Cost).Efficiency is >= WorthIt and var efficiency) return factor == 1 ? null : (factor, efficiency);
        }

        return null;
    }

    private static void WriteStep(Utf8JsonWriter json, ScaledStep step)
    {
        json.WriteNumber("all_reduce_seconds", step.AllReduceSeconds);
        json.WriteNumber("reduce_scatter_seconds", step.ReduceScatterSeconds);
        json.WriteNumber("all_gather_seconds", step.AllGatherSeconds);
        json.WriteBoolean("gathers_beside_layers", step.HiddenSeconds > 0);
        json.WriteNumber("hidden_seconds", step.HiddenSeconds);
        json.WriteNumber("fetch_seconds", step.FetchSeconds);
        json.WriteNumber("update_seconds_saved", step.UpdateSecondsSaved);
        json.WriteNumber("step_seconds", step.Seconds);
        json.WriteNumber("efficiency", step.Efficiency);
        json.WriteNumber("tokens_per_second", step.TokensPerSecond);
    }

    private static string Milliseconds(double seconds) =>
        seconds < 0.01 ? $"{seconds * 1000:0.00} ms" : $"{seconds * 1000:N1} ms";

    private static UsageException Unknown(CommandRun run, PlannedRun planned, Setting setting, string how) =>
        run.Wrong($"nothing is known of several devices such as {planned.Device}: expected --{setting.Name}, {how}; "
            + "or plan for GPUs with --device cuda.");
}
