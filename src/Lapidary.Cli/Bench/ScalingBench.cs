using Lapidary.Cli.Models;
using Lapidary.Cli.Output;
using Lapidary.Cli.Ranks;
using Lapidary.Cli.Scaling;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Bench;

/// <summary>Training steps of several ranks, each with the work of a single rank, compared to a single rank in the same call; and their
/// exchanges, predicted by <see cref="ExchangeCost"/> and measured.</summary>
internal static class ScalingBench
{
    /// <summary>Size in bytes of the all-reduce that measures the link: between GPUs, and between CPUs, which are slower.</summary>
    private const long GpuProbeBytes = 1L << 30, CpuProbeBytes = 1L << 26;

    /// <summary>Measures all ranks.</summary>
    /// <param name="bench">The case.</param>
    /// <param name="team">The ranks.</param>
    /// <param name="computing">How GPUs compute.</param>
    /// <param name="lora">Settings that a case does not define, such as the rank.</param>
    /// <param name="alone">The figures of a single rank; rank 0 needs them.</param>
    /// <param name="createModel">Makes the case's model on a device.</param>
    /// <param name="terminal">Receives messages.</param>
    public static ScalingFigures Run(
        BenchCase bench, RankTeam team, CudaOptions computing, LoraConfig lora, TrainingFigures? alone,
        Func<IBackend, GemmaModel> createModel, Terminal terminal)
    {
        var figures = team.RunEach(rank => Run(bench, rank, computing, lora, alone, createModel, terminal));
        if (team.IsLeader) foreach (string line in figures.Lines()) terminal.Error.WriteLine($"  {line}");
        return figures;
    }

    private static ScalingFigures Run(
        BenchCase bench, LocalRank rank, CudaOptions computing, LoraConfig lora, TrainingFigures? alone,
        Func<IBackend, GemmaModel> createModel, Terminal terminal)
    {
        using var backend = rank.CreateBackend(computing);
        using var model = createModel(backend);
        using var communicator = Communicator.Create(rank.Group, backend);
        using var weights = TrainingBench.Weights(bench, model, lora);
        var people = rank.IsLeader ? terminal.Error : TextWriter.Null;
        var meter = new StepMeter(bench.Steps, bench.Warmup, backend.Memory, people, terminal.Interrupted);
        TrainingBench.Train(bench, model, weights, meter, communicator);

        var trained = TrainedValues.Of(weights);
        double? memorySpeed = backend is CudaBackend ? Bandwidth.Measure(backend) : null;
        var step = new RankStep(alone?.Seconds ?? 0, IsEstimate: false, bench.TokensPerStep, trained.Lora, trained.Saved, memorySpeed)
        {
            Tables = TokenTables.Of(trained.InTables, model.Config, bench.IsFull, runs: 1),
        };
        var timer = new CollectiveTimer(communicator, backend, TimeProvider.System);
        long probeBytes = backend is CudaBackend ? GpuProbeBytes : CpuProbeBytes;
        var probe = timer.Time(Collective.AllReduce, Math.Max(probeBytes, step.SavedBytes));
        var cost = ExchangeCost.Measured(rank.Group.WorldSize, NodesOf(rank.Group), probe.LengthBytes, probe.Seconds) with
        {
            GathersBeside = communicator.GathersBeside,
        };
        var exchanges = new List<CollectiveTime> { timer.Time(Collective.AllReduce, step.LoraBytes) };
        if (step.SavedBytes > 0)
        {
            exchanges.Add(timer.Time(Collective.ReduceScatter, step.SavedBytes));
            exchanges.Add(timer.Time(Collective.AllGather, step.SavedBytes));
        }

        return new ScalingFigures(bench, meter, step.Across(cost), probe, exchanges);
    }

    private static int NodesOf(RankGroup group) => Enumerable.Range(0, group.WorldSize).Select(group.HostOf).Distinct().Count();
}
