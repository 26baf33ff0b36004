namespace Lapidary.Training.Steps;

/// <summary>Which sequences each optimizer step reads, as rows of its batches: a fresh order per epoch, cut into steps. A function of the
/// seed alone, so a run can go on from any step. The last step of an epoch may be short.</summary>
internal sealed class BatchSchedule
{
    private readonly int _rows;
    private readonly EpochOrder _order;

    public BatchSchedule(int rows, SftConfig config)
    {
        _rows = rows;
        _order = new EpochOrder(rows, config.Seed, config.Shuffle);
        RowsPerStep = checked(config.PerDeviceTrainBatchSize * config.GradientAccumulationSteps);
        StepsPerEpoch = (rows + RowsPerStep - 1) / RowsPerStep;
        TotalSteps = config.MaxSteps > 0 ? config.MaxSteps : (int)Math.Ceiling(config.NumTrainEpochs * StepsPerEpoch);
    }

    /// <summary>Rows of a whole optimizer step: batch size × accumulation.</summary>
    public int RowsPerStep { get; }

    /// <summary>Optimizer steps to a pass over the data.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Indices of the rows of an optimizer step.</summary>
    public ReadOnlySpan<int> Rows(int step)
    {
        int first = step % StepsPerEpoch * RowsPerStep;
        return _order.Rows(step / StepsPerEpoch).Slice(first, Math.Min(RowsPerStep, _rows - first));
    }

    /// <summary>Passes done after a number of steps.</summary>
    public double EpochAfter(int steps) => (double)steps / StepsPerEpoch;
}
