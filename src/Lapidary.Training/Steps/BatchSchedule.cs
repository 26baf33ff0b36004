using Lapidary.Engine;

namespace Lapidary.Training.Steps;

/// <summary>The sequences of each optimizer step, as rows of its batches: a new order per epoch, cut into steps. It depends only on the
/// seed, so a run can resume from any step. The last step of an epoch may be short.</summary>
internal sealed class BatchSchedule
{
    private readonly int _rows;
    private readonly EpochOrder _order;

    public BatchSchedule(int rows, SftConfig config, int worldSize)
    {
        _rows = rows;
        _order = new EpochOrder(rows, config.Seed, config.Shuffle);
        RowsPerStep = EffectiveBatch.Of(config, worldSize).Rows;
        StepsPerEpoch = (int)(((long)rows + RowsPerStep - 1) / RowsPerStep);
        TotalSteps = config.MaxSteps > 0 ? config.MaxSteps : (int)Math.Ceiling(config.NumTrainEpochs * StepsPerEpoch);
    }

    /// <summary>Rows of an optimizer step: batch size × accumulation × ranks.</summary>
    public int RowsPerStep { get; }

    /// <summary>Optimizer steps in a pass over the data.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Indices of the rows of an optimizer step, over all ranks.</summary>
    public ReadOnlySpan<int> Rows(int step)
    {
        int first = (int)((long)(step % StepsPerEpoch) * RowsPerStep);
        return _order.Rows(step / StepsPerEpoch).Slice(first, Math.Min(RowsPerStep, _rows - first));
    }

    /// <summary>The rows of a step for one rank: consecutive and evenly shared; in a short step, some ranks get none.</summary>
    public static (int First, int End) Share(int rows, RankGroup ranks) =>
        ((int)((long)rows * ranks.Rank / ranks.WorldSize), (int)((long)rows * (ranks.Rank + 1) / ranks.WorldSize));

    /// <summary>Completed passes after a number of steps.</summary>
    public double EpochAfter(int steps) => (double)steps / StepsPerEpoch;

    /// <summary>Whether an action with this interval is due after a number of steps; it is always due after the last step.</summary>
    public bool IsDue(IntervalStrategy strategy, int interval, int steps) => strategy switch
    {
        IntervalStrategy.Steps => steps % interval == 0 || steps == TotalSteps,
        IntervalStrategy.Epoch => steps % StepsPerEpoch == 0 || steps == TotalSteps,
        _ => false,
    };

    /// <summary>How often something is still due.</summary>
    /// <param name="strategy">When.</param>
    /// <param name="interval">Steps between two times.</param>
    /// <param name="after">Steps already done.</param>
    public int CountDue(IntervalStrategy strategy, int interval, int after)
    {
        if (strategy == IntervalStrategy.No || after >= TotalSteps) return 0;
        int every = strategy == IntervalStrategy.Steps ? interval : StepsPerEpoch;
        return TotalSteps / every - after / every + (TotalSteps % every == 0 ? 0 : 1);
    }
}
